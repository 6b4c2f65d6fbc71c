#include "route/cacheable.hpp"

#include <algorithm>

namespace heim::route {

namespace {

constexpr std::string_view moments[] = {"now", "today", "tomorrow", "yesterday"};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// And behind comments to the end of a line.
std::size_t behind_blanks(std::string_view text, std::size_t at) {
  for (;;) {
    at = std::min(text.find_first_not_of(" \t\r\n\f\v", at), text.size());
    if (!text.substr(at).starts_with("--")) return at;
    at = std::min(text.find_first_of("\r\n", at), text.size());
  }
}

// `word` is in lower case.
bool equals(std::string_view text, std::string_view word) {
  return std::ranges::equal(text, word, [](char a, char b) { return (a | 0x20) == b; });
}

}  // namespace

std::string_view why_not_cached(const sql::Script& script, const Needs& needs) {
  using namespace sql::effect;
  constexpr sql::Effects apart = is_volatile | temp | locks | suspicious | executes | own_server;
  if (script.statements.size() != 1) return "not one statement";
  const sql::Statement& statement = script.statements.front();
  if (statement.kind != sql::Kind::read) return "not a read";
  if (needs.place != Place::standby) return needs.reason;
  if (needs.reads_everything) return "reads nobody knows what";
  if (needs.writes_anything()) return "writes";
  if (needs.server_wide) return "reads the system catalog";
  if (needs.fleeting) return "asks for the time, or what else changes by itself";
  if ((statement.effects & apart) != 0) return "does more than read";
  if (needs.reads.empty()) return "reads no table";
  if (needs.row_security) return row_security;
  return {};
}

// $1 is a parameter, $$ and $a$ are quotes.
bool has_quotes(std::string_view text) {
  if (text.find('\'') != text.npos) return true;
  for (std::size_t at = 0; (at = text.find('$', at)) != text.npos;) {
    if (++at == text.size() || text[at] < '0' || text[at] > '9') return true;
  }
  return false;
}

bool names_moment(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && is_letter(text[end])) ++end;
    const std::string_view word = text.substr(at, end - at);
    if (std::ranges::any_of(moments, [&](auto each) { return equals(word, each); })) return true;
    at = end + (end == at);
  }
  return false;
}

bool spells_otherwise(std::string_view text) {
  if (text.find('\\') != std::string_view::npos) return true;
  for (std::size_t at = 0; (at = text.find_first_of("'&", at)) != std::string_view::npos; ++at) {
    if (text[at] == '&') {  // U&'...'
      if (at > 0 && (text[at - 1] | 0x20) == 'u') return true;
      continue;
    }
    // 'to' and 'day' on two lines are one, whatever is said between them.
    const std::size_t next = behind_blanks(text, at + 1);
    const bool apart = next < text.size() && next > at + 1 && text[next] == '\'';
    if (apart && text.substr(at, next - at).find_first_of("\r\n") != text.npos) return true;
  }
  return false;
}

}  // namespace heim::route
