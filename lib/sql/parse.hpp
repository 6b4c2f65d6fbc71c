// What a parser has to say about a text: parse.cpp asks libpg_query, parse_none.cpp stands in for
// it.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sql/statement.hpp"

namespace heim::sql {

/// Nothing if the text is not understood.
std::optional<std::vector<Statement>> parse(const std::string& text);

/// The query of the PREPARE that a text is, as if it stood alone.
std::optional<std::vector<Statement>> parse_prepared(const std::string& text);

/// Where the last PREPARE of this name stands in a text, and how long it is.
std::optional<std::pair<std::size_t, std::size_t>> find_prepare(const std::string& text,
                                                                std::string_view name);

}  // namespace heim::sql
