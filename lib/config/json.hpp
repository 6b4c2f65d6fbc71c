// JSON text to a tree and back. The only user of nlohmann::json in this folder.
#pragma once
#include <string>
#include <string_view>

#include "config/tree.hpp"

namespace heim::config {

/// A syntax error or a name given twice ends it: one diagnostic with line and column, which quotes
/// nothing of the text (it could be a password).
Parsed parse_json(std::string_view text);

/// Indented by two. `value` must hold valid UTF-8, as everything loaded does.
std::string write_json(const Value& value);

}  // namespace heim::config
