#include "sql/hint.hpp"

#include <algorithm>

#include "sql/lexer.hpp"

namespace heim::sql {

namespace {

constexpr std::string_view opens = "/*+", closes = "*/";

std::size_t behind_space(std::string_view text, std::size_t at) {
  while (at < text.size() && byte::is(static_cast<unsigned char>(text[at]), byte::space)) ++at;
  return at;
}

std::string_view value_of(std::string_view body, std::string_view key) {
  constexpr std::string_view blanks = " \t\r\n\f,";
  for (std::size_t at = 0; (at = body.find_first_not_of(blanks, at)) != std::string_view::npos;) {
    const std::size_t end = std::min(body.find_first_of(blanks, at), body.size());
    const std::string_view word = body.substr(at, end - at);
    if (word.starts_with(key)) return word.substr(key.size());
    at = end;
  }
  return {};
}

}  // namespace

Hint find_hint(std::string_view text) {
  std::size_t at = behind_space(text, 0);
  if (at == text.size()) return {};
  if (text[at] != '/') {
    while (at < text.size() && byte::is(static_cast<unsigned char>(text[at]), byte::letter)) ++at;
    at = behind_space(text, at);
  }
  if (!text.substr(at).starts_with(opens)) return {};
  // Comments nest; what does that is not ours.
  const std::size_t begin = at + opens.size(), end = text.find(closes, begin);
  if (end == std::string_view::npos) return {};
  const std::string_view body = text.substr(begin, end - begin);
  if (body.find("/*") != std::string_view::npos) return {};
  return {value_of(body, "route="), value_of(body, "freshness="), value_of(body, "cache=")};
}

}  // namespace heim::sql
