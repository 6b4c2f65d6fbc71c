#include "session/statement_text.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "session/settings.hpp"
#include "sql/lexer.hpp"

namespace heim::session {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0;
}

// The end of a comment that `text` begins with; they nest. npos: it has none.
std::size_t comment_end(std::string_view text) {
  int depth = 0;
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] == '/' && text[i + 1] == '*') {
      ++depth, ++i;
    } else if (text[i] == '*' && text[i + 1] == '/') {
      ++i;
      if (--depth == 0) return i + 1;
    }
  }
  return std::string_view::npos;
}

void skip_blanks(std::string_view& text) {
  for (;;) {
    if (!text.empty() && is_space(text.front())) {
      text.remove_prefix(1);
    } else if (text.starts_with("--")) {
      text.remove_prefix(std::min(text.find('\n'), text.size()));
    } else if (text.starts_with("/*")) {
      text.remove_prefix(std::min(comment_end(text), text.size()));
    } else {
      return;
    }
  }
}

// A word, a quoted name with its quotes, or any one character.
std::string_view next_word(std::string_view& text) {
  skip_blanks(text);
  std::size_t size = 0;
  if (!text.empty() && text[0] == '"') {
    size = text.find('"', 1);
    size = size == std::string_view::npos ? text.size() : size + 1;
  } else {
    const auto is_word = [](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '$'; };
    while (size < text.size() && is_word(text[size])) ++size;
    if (size == 0 && !text.empty()) size = 1;
  }
  const std::string_view word = text.substr(0, size);
  text.remove_prefix(size);
  return word;
}

bool ends(std::string_view text) {
  std::string_view word = next_word(text);
  if (word == ";") word = next_word(text);
  return word.empty();
}

bool is_name(std::string_view word) {
  return !word.empty() && (word[0] == '"' || is_letter(word[0]));
}

}  // namespace

bool may_begin(std::string_view sql) {
  for (std::size_t end = 0;; sql.remove_prefix(end + 1)) {
    std::string_view rest = sql;
    const std::string_view word = next_word(rest);
    const bool begins = word.size() == 5 && std::string_view("bBsS").find(word[0]) != word.npos;
    if (begins && (fold(word) == "begin" || fold(word) == "start")) return true;
    end = sql.find(';');
    if (end == sql.npos) return false;
  }
}

bool has_word(std::string_view sql, std::initializer_list<std::string_view> words) {
  const std::string folded = fold(sql);
  return std::ranges::any_of(
      words, [&](std::string_view word) { return folded.find(word) != folded.npos; });
}

bool may_reset_within(std::string_view sql) {
  return has_word(sql, {"reset", "default", "discard"});
}

Forgets forgets(std::string_view sql) {
  const std::string verb = fold(next_word(sql));
  if (verb != "deallocate" && verb != "discard") return {};
  std::string_view word = next_word(sql);
  if (verb == "deallocate" && fold(word) == "prepare") word = next_word(sql);
  if (!is_name(word)) return {};
  if (!ends(sql)) return {Forgets::What::more, {}};
  if (fold(word) == "all") {
    return {verb == "discard" ? Forgets::What::session : Forgets::What::all, {}};
  }
  if (verb == "discard") return {};
  if (word[0] != '"') return {Forgets::What::one, fold(word)};
  if (word.size() < 3 || word.back() != '"') return {};
  return {Forgets::What::one, std::string(word.substr(1, word.size() - 2))};
}

bool may_forget(std::string_view sql) {
  const std::size_t semicolon = sql.find(';');
  if (semicolon == std::string_view::npos || semicolon + 1 >= sql.size()) return false;
  const std::string rest = fold(sql.substr(semicolon));
  return rest.find("deallocate") != std::string::npos || rest.find("discard") != std::string::npos;
}

std::optional<std::string_view> statement_name(Bytes in, const wire::Header& header) {
  const std::size_t here = std::min<std::size_t>(in.size() - wire::header_size, header.body);
  wire::Fields fields(in.subspan(wire::header_size, here));
  if (header.tag == 'B') fields.string();
  if ((header.tag == 'D' || header.tag == 'C') && fields.u8() != 'S') return std::nullopt;
  const std::string_view given = fields.string();
  return fields.ok() ? std::optional(given) : std::nullopt;
}

wire::Fields behind_names(Bytes in, const wire::Header& header) {
  const std::size_t here = std::min<std::size_t>(in.size() - wire::header_size, header.body);
  wire::Fields fields(in.subspan(wire::header_size, here));
  fields.string();
  fields.string();
  return fields;
}

std::string_view query_text(Bytes frame) {
  std::string_view text = as_text(frame.subspan(wire::header_size));
  if (!text.empty()) text.remove_suffix(1);  // its zero
  return text;
}

bool columns_are_set_when_parsed(std::string_view sql) {
  const std::string first = fold(sql::Lexer(sql).next().text);
  return first == "fetch" || first == "execute";
}

bool is_blank(std::string_view sql) { return sql::Lexer(sql).next().kind == sql::TokenKind::end; }

std::size_t highest_parameter(std::string_view sql) {
  sql::Lexer lexer(sql);
  std::size_t highest = 0;
  for (sql::Token token = lexer.next(); token.kind != sql::TokenKind::end; token = lexer.next()) {
    if (token.kind != sql::TokenKind::parameter) continue;
    std::size_t number = 0;
    std::from_chars(token.text.data() + 1, token.text.data() + token.text.size(), number);
    highest = std::max(highest, number);
  }
  return highest;
}

std::vector<std::size_t> statement_ends(std::string_view sql) {
  std::vector<std::size_t> ends;
  sql::Lexer lexer(sql);
  int depth = 0;
  bool open = false;
  for (sql::Token token = lexer.next(); token.kind != sql::TokenKind::end; token = lexer.next()) {
    depth += (token.text == "(") - (token.text == ")");
    if (token.text != ";" || depth != 0) {
      open = true;
    } else if (std::exchange(open, false)) {
      ends.push_back(static_cast<std::size_t>(token.text.data() - sql.data()) + 1);
    }
  }
  if (open) ends.push_back(sql.size());
  return ends;
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool has_literals(std::string_view sql) {
  for (std::size_t i = 0; i < sql.size(); ++i) {
    const auto c = static_cast<unsigned char>(sql[i]);
    if (c == '\'' || c >= 0x80) return true;
    if (c != '$') continue;
    const char next = i + 1 < sql.size() ? sql[i + 1] : ' ';
    if (next < '0' || next > '9') return true;  // no parameter
  }
  return false;
}

std::uint32_t characters(std::string_view text) {
  const auto begins = [](char c) { return (c & 0xc0) != 0x80; };
  return static_cast<std::uint32_t>(std::count_if(text.begin(), text.end(), begins));
}

}  // namespace heim::session
