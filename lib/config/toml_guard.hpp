// Keeps from toml++ what its parser cannot take.
#pragma once
#include <optional>
#include <string_view>

#include "config/diagnostic.hpp"

namespace heim::config {

/// Looks through TOML for what no configuration has and what breaks the parser of toml++ 3.3: bytes
/// beyond ASCII outside of strings and comments (undefined behaviour there, and no valid TOML), and
/// keys of more dots than its recursion bears.
std::optional<Diagnostic> guard_toml(std::string_view text);

}  // namespace heim::config
