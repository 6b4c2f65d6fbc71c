// Whether the answer to a statement may be kept and given to others.
#pragma once
#include <string_view>

#include "route/needs.hpp"
#include "sql/statement.hpp"

namespace heim::route {

/// One of the reasons below, where it is the only one: a rule may say that it does not matter.
inline constexpr std::string_view row_security = "row security";

/// Why it may not: static text. Empty: it is one read whose answer hangs on the tables it names, on
/// its parameters and on the session's user and settings, and on nothing else.
std::string_view why_not_cached(const sql::Script& script, const Needs& needs);

/// Whether a statement's text may have a literal in quotes, of whichever kind.
bool has_quotes(std::string_view text);

/// Whether a value, or a statement's text, has the word for a time that is another one later:
/// 'now', 'today' and the like.
bool names_moment(std::string_view text);

/// Whether a statement's text may have a literal that is spelled otherwise than it is read: with
/// escapes, or in several parts.
bool spells_otherwise(std::string_view text);

}  // namespace heim::route
