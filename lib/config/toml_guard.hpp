// Keeps from toml++ what its parser cannot take.
#pragma once
#include <optional>
#include <string_view>

#include "config/diagnostic.hpp"

namespace heim::config {

/// Looks through TOML for keys of more dots than the recursion of toml++ 3.3 bears, and says it
/// plainly where a character beyond ASCII stands outside of strings and comments.
std::optional<Diagnostic> guard_toml(std::string_view text);

}  // namespace heim::config
