// Statements about the session itself, which a backend of rows is not asked: SET, RESET, SHOW,
// set_config(), DISCARD ALL, DEALLOCATE. The engine sends some of them by itself, as do drivers.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace heim::backend {

struct SessionAct {
  enum class Kind : std::uint8_t {
    set,
    set_config,  // likewise, and answers with the value
    reset,
    reset_all,
    show,
    discard_all,
    deallocate,
    deallocate_all,
    nothing,  // RESET ROLE: there are no roles
  };
  Kind kind;
  std::string name = {}, value = {};
};

/// What a text does that has nothing but such statements; nothing where it has others, or none.
std::optional<std::vector<SessionAct>> read_session_text(std::string_view sql);

/// Whether there is nothing in it but blanks, comments and semicolons.
bool is_empty_text(std::string_view sql);

/// The run-time parameters of one session.
class Parameters {
 public:
  Parameters();
  /// Null: nobody has set it.
  const std::string* find(std::string_view name) const;
  /// The value as it is kept. 22023: it promises what no backend can keep.
  Result<std::string> set(const std::string& name, const std::string& value);
  /// Names that have other values now.
  std::vector<std::string> reset(const std::string& name);
  std::vector<std::string> reset_all();
  /// As ParameterStatus has it; empty: it is not reported.
  static std::string_view reported_name(std::string_view name);

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace heim::backend
