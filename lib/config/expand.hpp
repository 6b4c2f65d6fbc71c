// Environment variables in the texts of a configuration.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace heim::config {

/// Looks a variable up; nullopt if it is not set. The program passes getenv() in, tests a map.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

struct Expanded {
  std::string text;
  std::string variable;  // the first variable used; empty if none
  std::string error;     // empty if it went well. Holds no variable's value
};

/// "${VAR}" (must be set), "${VAR:-default}" (unset or empty: the default, taken as it is), "$$"
/// for one dollar. Any other dollar stands for itself, so that SQL's $1 needs no care. What a
/// variable holds is not expanded again; it must be UTF-8 without zero bytes.
Expanded expand(std::string_view text, const Environment& environment);

/// The inverse: a text that expand() turns into `text` without asking the environment.
std::string escape_dollars(std::string_view text);

}  // namespace heim::config
