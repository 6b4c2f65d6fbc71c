// What stands under a name of the client's on its server, where the statement itself could not be
// given: what it reads is gone, or called otherwise. It fails like that one, and where that one
// would: where it is read anew, with the error that its Parse got.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "wire/encoder.hpp"

namespace heim::session {

/// Those of one server, by number from 1. A client with more than `most` statements may be told the
/// error of another one that it cannot run either. [one thread]
class Absent {
 public:
  static constexpr std::uint32_t most = 256;
  /// Under this, a stand-in is parsed; behind it, it cannot be read anew.
  static constexpr std::string_view settings = "SET LOCAL search_path TO information_schema;";

  std::uint32_t add();
  /// What a Parse has behind the name, in the place of `content`: its parameters, as far as it
  /// gives their types; others are text.
  static std::string stand_in(std::uint32_t number, std::string_view content);
  /// A whole ErrorResponse.
  void learn(std::uint32_t number, Bytes error) { errors_[number - 1] = as_text(error); }
  /// The one that a client is told in the place of a stand-in's; empty: it is none.
  std::string_view told(const wire::ErrorView& error) const;
  void clear() { last_ = 0, errors_.clear(); }

 private:
  std::uint32_t last_ = 0;
  std::vector<std::string> errors_;
};

}  // namespace heim::session
