// Without libpg_query next to nothing is understood: single statements that consist of words which
// can mean one thing only.
#include <algorithm>

#include "sql/lexer.hpp"
#include "sql/parse.hpp"

namespace heim::sql {

namespace {

struct Row {
  std::string_view text;
  Kind kind;
};

constexpr Row rows[] = {
    {"abort", Kind::rollback},
    {"begin", Kind::begin},
    {"begin transaction", Kind::begin},
    {"begin work", Kind::begin},
    {"commit", Kind::commit},
    {"commit work", Kind::commit},
    {"end", Kind::commit},
    {"rollback", Kind::rollback},
    {"rollback work", Kind::rollback},
    {"start transaction", Kind::begin},
};

/// The words of a text, in lower case; nothing if there is more to it than words and semicolons.
std::optional<std::string> words(std::string_view text) {
  std::string out;
  bool ended = false;
  Lexer lexer(text);
  for (Token token = lexer.next(); token.kind != TokenKind::end; token = lexer.next()) {
    if (token.text == ";") {
      ended = !out.empty();
      continue;
    }
    if (ended || token.kind != TokenKind::identifier || out.size() > 32) return std::nullopt;
    if (!out.empty()) out += ' ';
    for (const char byte : token.text) {
      out += static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte);
    }
  }
  return out;
}

}  // namespace

std::optional<std::vector<Statement>> parse(const std::string& text) {
  const std::optional<std::string> said = words(text);
  if (!said) return std::nullopt;
  if (said->empty()) return std::vector<Statement>();
  const Row* row = std::ranges::find(rows, *said, &Row::text);
  if (row == std::end(rows)) return std::nullopt;
  Statement statement;
  statement.kind = row->kind;
  statement.effects = effect::transaction;
  return std::vector<Statement>{statement};
}

std::optional<std::vector<Statement>> parse_prepared(const std::string&) { return std::nullopt; }
std::optional<std::pair<std::size_t, std::size_t>> find_prepare(const std::string&,
                                                                std::string_view) {
  return std::nullopt;
}

}  // namespace heim::sql
