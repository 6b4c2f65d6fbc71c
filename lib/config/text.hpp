// Small questions about texts, and the nearest known name for a misspelt one.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace heim::config {

bool is_utf8(std::string_view text);
/// Whether it has a control character. `lines` lets line ends and tabs pass.
bool has_control(std::string_view text, bool lines);
/// "a, b,c" to its parts, without the spaces around them. Empty parts are left out.
std::vector<std::string_view> split_list(std::string_view text);
std::string join(const std::vector<std::string>& parts, std::string_view between);
/// In double quotes, escaped as TOML and JSON agree on.
std::string quoted(std::string_view text);

/// How many letters must be added, removed, changed or swapped with a neighbour to get from one to
/// the other. Both are cut at 64 bytes.
std::size_t edit_distance(std::string_view a, std::string_view b);
/// The candidate that `name` most likely meant (upper case and '-' for '_' count for nothing);
/// empty if none is near. Where letters do not tell, a beginning does: "warn" for "warning".
std::string_view nearest(std::string_view name, std::span<const std::string_view> candidates);

}  // namespace heim::config
