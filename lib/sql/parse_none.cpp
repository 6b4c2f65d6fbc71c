// Without libpg_query nothing is understood.
#include "sql/parse.hpp"

namespace heim::sql {

std::optional<std::vector<Statement>> parse(const std::string&) { return std::nullopt; }
std::optional<std::vector<Statement>> parse_prepared(const std::string&) { return std::nullopt; }
std::optional<std::pair<std::size_t, std::size_t>> find_prepare(const std::string&,
                                                                std::string_view) {
  return std::nullopt;
}

}  // namespace heim::sql
