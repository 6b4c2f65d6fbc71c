// What a backend of rows says to one statement, as the messages that the protocol has for it. What
// comes at the wrong moment, or for nobody, is refused and not passed on.
#pragma once
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backend/backend.hpp"
#include "backend/values.hpp"

namespace heim::backend {

struct Column {
  std::string name;
  std::uint32_t type;
};

/// In which format a client wants each column: none: text; one: all of them.
using Formats = std::vector<std::uint16_t>;

/// For one statement after another of a connection.
class Answer {
 public:
  enum class Kind : std::uint8_t {
    query,        // of a simple query: as many results as it has statements
    portal,       // of an Execute: rows, whose columns are known
    description,  // of a Describe: columns and parameters
  };
  struct Wish {
    Kind kind = Kind::query;
    Formats formats = {};
    std::uint32_t rows_max = 0;  // 0: all
    /// What the client was told of the columns; nothing: it did not ask.
    std::optional<std::vector<Column>> columns = {};
  };
  /// What it came to, once it is over.
  struct Outcome {
    bool failed = false;
    char status = 'I';
    std::vector<Column> columns = {};
    std::vector<std::uint32_t> parameters = {};
    bool has_columns = false;
    // Of a portal: what was not sent, in messages of a size each, and what follows it.
    std::string rest = {};
    std::vector<std::uint32_t> sizes = {};
    std::string tag = {};
  };

  explicit Answer(Link& link) : link_(link) {}

  // ---- the connection's thread -----------------------------------------------------
  void begin(Reply reply, Wish wish);
  bool is_over();
  /// Takes it back: nobody waits.
  Outcome end();

  // ---- [any thread] ----------------------------------------------------------------
  Said parameters(std::uint64_t number, std::span<const std::uint32_t> types);
  Said columns(std::uint64_t number, std::vector<Column> columns);
  Said row(std::uint64_t number, std::span<const Value> values);
  /// Empty: "SELECT n".
  Said complete(std::uint64_t number, std::string_view tag);
  Said error(std::uint64_t number, std::string_view sqlstate, std::string_view message,
             std::string_view detail);
  /// The last word. `status`: as ReadyForQuery has it.
  Said over(std::uint64_t number, char status);

 private:
  bool is_waited_for(std::uint64_t number) const { return number != 0 && number == number_; }
  bool takes_result() const { return wish_.kind != Kind::description && !outcome_.failed; }
  void fail(std::string_view sqlstate, std::string_view message, std::string_view detail = {});
  Said flush(bool all);
  bool put_row(std::span<const Value> values);
  Said keep_row(std::size_t begin);
  bool put_value(const Value& value, std::size_t column);

  Link& link_;
  std::mutex mutex_;
  std::uint64_t number_ = 0;  // 0: nothing is waited for
  Wish wish_;
  Outcome outcome_;
  std::uint32_t rows_ = 0;     // of this result
  std::uint32_t results_ = 0;  // that are complete
  std::string out_;
  std::string value_;
};

/// RowDescription.
void put_columns(std::string& out, std::span<const Column> columns, const Formats& formats);
/// Whether it is asked for in binary.
bool is_binary(const Formats& formats, std::size_t column);

}  // namespace heim::backend
