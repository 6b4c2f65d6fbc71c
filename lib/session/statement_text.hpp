// Of SQL text the session layer reads this much: statements that forget prepared statements. What
// they name lives in the proxy, not on a server.
#pragma once
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "wire/framer.hpp"

namespace heim::session {

/// What a text forgets, if that is all it does.
struct Forgets {
  enum class What { nothing, one, all, session, more };
  What what = What::nothing;
  std::string name;  // of one, as PostgreSQL folds it
};

/// `DEALLOCATE [PREPARE] name`, `DEALLOCATE [PREPARE] ALL`, `DISCARD ALL`; one statement, with any
/// comments and a semicolon behind it. `more`: one of these begins it, and it goes on. Quoted names
/// with quotes in them are left to the server.
Forgets forgets(std::string_view sql);

/// Whether one of several statements may be of that kind. Says yes too often, in literals and such.
bool may_forget(std::string_view sql);

/// A larger Parse is not shared: its client keeps the server.
inline constexpr std::size_t parse_limit = std::size_t{1} << 20;

/// The statement that a message of the extended protocol names, as far as it can be seen.
std::optional<std::string_view> statement_name(Bytes in, const wire::Header& header);

/// What follows both names of a Bind message, as far as it is here.
wire::Fields behind_names(Bytes in, const wire::Header& header);

/// The text of a whole Query message.
std::string_view query_text(Bytes frame);

/// Whether what its columns are depends on when it is parsed: on a cursor or a statement of then.
bool columns_are_set_when_parsed(std::string_view sql);

/// Whether a statement of a text may begin a transaction block. False for none that does.
bool may_begin(std::string_view sql);

/// Whether one of these stands anywhere in a text, in any case.
bool has_word(std::string_view sql, std::initializer_list<std::string_view> words);

/// Whether the body of a DO may go back to a default, as far as its words tell.
bool may_reset_within(std::string_view sql);

/// Whether it is nothing but space and comments.
bool is_blank(std::string_view sql);

/// The number of the last parameter that a text names ($1, ...); 0 if there is none.
std::size_t highest_parameter(std::string_view sql);

/// Where the statements of a text end, behind their semicolons; the last one at the text's end.
std::vector<std::size_t> statement_ends(std::string_view sql);

bool is_ascii(std::string_view text);

/// Whether settings may tell what a text says: literals in quotes or dollars, and what is not
/// ASCII. Says yes too often.
bool has_literals(std::string_view sql);

/// How many characters of UTF-8 a text has, as PostgreSQL counts the places of errors.
std::uint32_t characters(std::string_view text);

}  // namespace heim::session
