// A parsed file before it has types: what TOML and JSON have in common, with positions.
#pragma once
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "config/diagnostic.hpp"

namespace heim::config {

/// A value, and its name if it is an entry of a table. Texts are wiped on destruction: one of them
/// may be a password.
struct Value {
  enum class Kind : std::uint8_t { boolean, integer, real, text, list, table, null, other };

  Kind kind = Kind::table;
  std::string name;  // in a table
  Position at;       // of the name in a table, else of the value
  bool boolean = false;
  bool octal = false;  // an integer written 0o777
  std::int64_t integer = 0;
  double real = 0;
  std::string text;
  std::string variable;      // the environment variable that `text` came from, if any
  std::vector<Value> items;  // of a list, or the entries of a table in the file's order

  Value() = default;
  explicit Value(Kind of) : kind(of) {}
  Value(const Value&) = default;
  Value(Value&&) noexcept = default;
  Value& operator=(const Value&) = default;
  Value& operator=(Value&&) noexcept = default;
  ~Value();
};

/// "a text", "an integer", ...: for messages.
const char* kind_name(Value::Kind kind);

/// The whole file as a table, or why it cannot be read. The diagnostic's `file` is left empty.
using Parsed = std::variant<Value, Diagnostic>;

/// Files longer than this are refused: no real configuration comes near.
inline constexpr std::size_t max_file_bytes = 4u << 20;

}  // namespace heim::config
