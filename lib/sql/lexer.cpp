#include "sql/lexer.hpp"

#include <algorithm>
#include <array>

namespace heim::sql {

namespace {

enum Class : std::uint8_t {
  space = 1,
  letter = 2,  // begins an identifier
  digit = 4,
  operation = 8,
  prefix = 16,          // a letter that may stand before a quote and change it
  unusual = 32,         // an operator with one of these may end in + or -
  inside = 64,          // of an identifier
  dash_or_slash = 128,  // may begin a comment
};

constexpr auto classes = [] {
  std::array<std::uint8_t, 256> table{};
  const auto mark = [&table](std::string_view bytes, std::uint8_t as) {
    for (const char byte : bytes) table[static_cast<unsigned char>(byte)] |= as;
  };
  mark(" \t\n\r\f", space);
  mark("0123456789", digit);
  mark("~!@#^&|`?+-*/%<>=", operation);
  mark("~!@#^&|`?%", unusual);
  for (int byte = 'a'; byte <= 'z'; ++byte) table[byte] |= letter;
  for (int byte = 'A'; byte <= 'Z'; ++byte) table[byte] |= letter;
  for (int byte = 0x80; byte <= 0xff; ++byte) table[byte] |= letter;
  mark("_", letter);
  mark("bBeEnNuUxX", prefix);
  for (auto& byte : table) byte |= (byte & (letter | digit)) != 0 ? inside : 0;
  mark("$", inside);
  mark("-/", dash_or_slash);
  return table;
}();

bool is(unsigned char byte, int what) { return (classes[byte] & what) != 0; }

}  // namespace

Token Lexer::cut(TokenKind kind, std::size_t end) {
  const Token token{kind, text_.substr(at_, end - at_)};
  at_ = end;
  return token;
}

/// The end of a comment that begins at `from`; 0 if it has none. Those between /* and */ nest.
std::size_t Lexer::end_of(std::size_t comment) const {
  if (at(comment) == '-') {
    const std::size_t line = text_.find_first_of("\n\r", comment);
    return line == std::string_view::npos ? text_.size() : line;
  }
  std::size_t depth = 1;
  for (std::size_t i = comment + 2; i + 1 < text_.size(); ++i) {
    if (text_[i] == '*' && text_[i + 1] == '/') {
      ++i;
      if (--depth == 0) return i + 1;
    } else if (text_[i] == '/' && text_[i + 1] == '*') {
      ++i;
      ++depth;
    }
  }
  return 0;
}

std::size_t Lexer::comment_end(std::size_t from) {
  const std::size_t end = end_of(from);
  if (end != 0) blank(from, end);
  return end;
}

void Lexer::blank(std::size_t from, std::size_t end) {
  if (bare_ != nullptr) bare_->replace(from, end - from, end - from, ' ');
}

/// False if a comment is not closed.
bool Lexer::skip_blanks() {
  const std::size_t begin = at_;
  bool nested = false;
  for (;;) {
    while (is(at(at_), space)) ++at_;
    const bool line = at(at_) == '-' && at(at_ + 1) == '-';
    if (!line && !(at(at_) == '/' && at(at_ + 1) == '*')) break;
    const std::size_t end = comment_end(at_);
    if (end == 0) return false;
    at_ = end;
    nested |= !line;
  }
  // A line end alone between two strings makes one of them, beside such a comment it does not.
  if (nested) blank(begin, at_);
  return true;
}

Token Lexer::next() {
  if (at(at_) == ' ') ++at_;  // mostly that is all there is
  if (is(at(at_), space | dash_or_slash) && !skip_blanks()) return open_end();
  if (at_ == text_.size()) return {};
  const unsigned char first = at(at_);
  if (is(first, prefix)) return prefixed();
  if (is(first, letter)) return word();
  if (is(first, digit) || (first == '.' && is(at(at_ + 1), digit))) return number();
  if (is(first, operation)) return op();
  switch (first) {
    case '\'':
      return quoted(TokenKind::string, at_);
    case '"':
      return quoted(TokenKind::quoted, at_);
    case '$':
      return dollar();
    default:
      return punctuation();
  }
}

Token Lexer::word() {
  std::size_t end = at_ + 1;
  while (end < text_.size() && is(static_cast<unsigned char>(text_[end]), inside)) ++end;
  return cut(TokenKind::identifier, end);
}

Token Lexer::prefixed() {
  const unsigned char first = at(at_) | 0x20;
  if (first == 'u' && at(at_ + 1) == '&') {
    if (at(at_ + 2) == '\'') return quoted(TokenKind::string, at_ + 2);
    if (at(at_ + 2) == '"') return quoted(TokenKind::unicode, at_ + 2);
  }
  if (first == 'u' || at(at_ + 1) != '\'') return word();
  if (first == 'e') return quoted(TokenKind::string, at_ + 1, Inner::doubled_or_escaped);
  return quoted(TokenKind::string, at_ + 1, first == 'n' ? Inner::doubled : Inner::none);
}

/// Behind the quote that closes what begins at `from`, behind the opening one; 0 if none does.
std::size_t Lexer::quote_end(std::size_t from, char mark, Inner inner) const {
  for (std::size_t i = from; i < text_.size(); ++i) {
    if (inner == Inner::doubled_or_escaped && text_[i] == '\\') {
      ++i;
    } else if (text_[i] == mark) {
      const bool doubled = at(i + 1) == static_cast<unsigned char>(mark);
      if (!doubled || inner == Inner::none) return i + 1;
      ++i;
    }
  }
  return 0;
}

/// The quote that goes on with a string which ended before `from`: behind blanks with a line end
/// among them, and comments that begin with --. 0 if there is none.
std::size_t Lexer::continued(std::size_t from) {
  bool line_end = false;
  for (;;) {
    for (; is(at(from), space); ++from) line_end |= at(from) == '\n' || at(from) == '\r';
    if (at(from) == '\'') return line_end ? from : 0;
    if (at(from) != '-' || at(from + 1) != '-') return 0;
    from = comment_end(from);
  }
}

Token Lexer::quoted(TokenKind kind, std::size_t quote, Inner inner) {
  const char mark = text_[quote];
  std::size_t end = quote_end(quote + 1, mark, inner);
  while (end != 0 && mark == '\'') {
    const std::size_t more = continued(end);
    if (more == 0) break;
    end = quote_end(more + 1, mark, inner);
  }
  return end == 0 ? open_end() : cut(kind, end);
}

Token Lexer::number() {
  std::size_t end = at_;
  const auto digits = [this, &end] {
    while (is(at(end), digit)) ++end;
  };
  digits();
  if (at(end) == '.' && at(end + 1) != '.') {  // 1..2 is 1, .., 2
    ++end;
    digits();
  }
  if ((at(end) | 0x20) == 'e') {
    const std::size_t sign = at(end + 1) == '+' || at(end + 1) == '-' ? 1 : 0;
    if (is(at(end + 1 + sign), digit)) {
      end += 1 + sign;
      digits();
    }
  }
  return cut(TokenKind::number, end);
}

Token Lexer::dollar() {
  std::size_t end = at_ + 1;
  if (is(at(end), digit)) {
    while (is(at(end), digit)) ++end;
    return cut(TokenKind::parameter, end);
  }
  if (is(at(end), letter)) {
    while (is(at(end), letter | digit)) ++end;
  }
  if (at(end) != '$') return cut(TokenKind::other, at_ + 1);
  const std::string_view tag = text_.substr(at_, end + 1 - at_);
  const std::size_t close = text_.find(tag, end + 1);
  if (close == std::string_view::npos) return open_end();
  return cut(TokenKind::string, close + tag.size());
}

/// The longest run of operator characters, up to a comment. As in SQL it ends in + or - only if it
/// has a character that SQL's own operators have not: `a=-1` is two operators.
Token Lexer::op() {
  std::size_t end = at_;
  bool strange = false;
  for (; is(at(end), operation); ++end) {
    const bool comment =
        (at(end) == '-' && at(end + 1) == '-') || (at(end) == '/' && at(end + 1) == '*');
    if (comment) break;
    strange |= is(at(end), unusual);
  }
  while (!strange && end > at_ + 1 && (at(end - 1) == '+' || at(end - 1) == '-')) --end;
  return cut(TokenKind::op, end);
}

Token Lexer::punctuation() {
  const unsigned char first = at(at_), second = at(at_ + 1);
  const bool pair =
      (first == ':' && (second == ':' || second == '=')) || (first == '.' && second == '.');
  return cut(TokenKind::other, at_ + (pair ? 2 : 1));
}

std::string without_comments(std::string_view text) {
  std::string out(text);
  Lexer lexer(text, &out);
  while (lexer.next().kind != TokenKind::end) continue;
  return out;
}

}  // namespace heim::sql
