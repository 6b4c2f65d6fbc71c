// TOML text to a tree. The only user of toml++; toml_none.cpp stands in where a build has none.
#pragma once
#include <string_view>

#include "config/tree.hpp"

namespace heim::config {

/// Whether this build reads TOML (the build option `toml`).
bool toml_supported();
/// A syntax error ends it: one diagnostic.
Parsed parse_toml(std::string_view text);

}  // namespace heim::config
