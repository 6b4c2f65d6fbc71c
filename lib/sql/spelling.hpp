// One text for all that PostgreSQL's scanner cuts into the same tokens.
#pragma once
#include <string>
#include <string_view>

namespace heim::sql {

/// The text without comments, with one blank between tokens, unquoted words in lower case, and no
/// semicolon at its end. Literals stay as they are. In `buffer`, or `text` itself where something
/// of it is not closed.
std::string_view one_spelling(std::string_view text, std::string& buffer);

}  // namespace heim::sql
