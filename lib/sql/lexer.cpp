#include "sql/lexer.hpp"

namespace heim::sql {

using namespace byte;

namespace {

/// Cuts any token.
class Scanner {
 public:
  Scanner(std::string_view text, std::size_t at, std::string* bare)
      : text_(text), bare_(bare), at_(at) {}
  TokenKind next();
  std::size_t begin() const { return begin_; }
  std::size_t end() const { return at_; }

 private:
  unsigned char at(std::size_t position) const {
    return position < text_.size() ? static_cast<unsigned char>(text_[position]) : 0;
  }
  TokenKind cut(TokenKind kind, std::size_t end) {
    begin_ = at_;
    at_ = end;
    return kind;
  }
  TokenKind open_end() { return cut(TokenKind::open, text_.size()); }
  bool skip_blanks();
  std::size_t comment_end(std::size_t from);
  void blank(std::size_t from, std::size_t end);
  std::size_t end_of(std::size_t comment) const;
  TokenKind word();
  TokenKind prefixed();
  /// What a quote is that closes nothing.
  enum class Inner : std::uint8_t { none, doubled, doubled_or_escaped };
  TokenKind quoted(TokenKind kind, std::size_t quote, Inner inner = Inner::doubled);
  std::size_t quote_end(std::size_t from, char mark, Inner inner) const;
  std::size_t continued(std::size_t from);
  TokenKind number();
  TokenKind dollar();
  TokenKind op();
  TokenKind punctuation();

  std::string_view text_;
  std::string* bare_;
  std::size_t begin_ = 0;  // of the token
  std::size_t at_;         // where the next token, or a blank before it, begins
};

/// The end of a comment that begins at `from`; 0 if it has none. Those between /* and */ nest.
std::size_t Scanner::end_of(std::size_t comment) const {
  if (at(comment) == '-') {
    return find_either(text_, comment, '\n', '\r');
  }
  std::size_t depth = 1;
  for (std::size_t i = comment + 2; (i = find_either(text_, i, '*', '/')) + 1 < text_.size(); ++i) {
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

std::size_t Scanner::comment_end(std::size_t from) {
  const std::size_t end = end_of(from);
  if (end != 0) blank(from, end);
  return end;
}

void Scanner::blank(std::size_t from, std::size_t end) {
  if (bare_ != nullptr) bare_->replace(from, end - from, end - from, ' ');
}

/// False if a comment is not closed.
bool Scanner::skip_blanks() {
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

TokenKind Scanner::next() {
  if (is(at(at_), space | comment) && !skip_blanks()) return open_end();
  if (at_ == text_.size()) return cut(TokenKind::end, at_);
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

TokenKind Scanner::word() {
  std::size_t end = at_ + 1;
  while (is(at(end), inside)) ++end;
  return cut(TokenKind::identifier, end);
}

TokenKind Scanner::prefixed() {
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
std::size_t Scanner::quote_end(std::size_t from, char mark, Inner inner) const {
  const char escape = inner == Inner::doubled_or_escaped ? '\\' : mark;
  for (std::size_t i = from; (i = find_either(text_, i, mark, escape)) < text_.size(); i += 2) {
    const bool doubled = at(i + 1) == static_cast<unsigned char>(mark);
    if (text_[i] == mark && (!doubled || inner == Inner::none)) return i + 1;
  }
  return 0;
}

/// The quote that goes on with a string which ended before `from`: behind blanks with a line end
/// among them, and comments that begin with --. 0 if there is none.
std::size_t Scanner::continued(std::size_t from) {
  bool line_end = false;
  for (;;) {
    for (; is(at(from), space); ++from) line_end |= at(from) == '\n' || at(from) == '\r';
    if (at(from) == '\'') return line_end ? from : 0;
    if (at(from) != '-' || at(from + 1) != '-') return 0;
    from = comment_end(from);
  }
}

TokenKind Scanner::quoted(TokenKind kind, std::size_t quote, Inner inner) {
  const char mark = text_[quote];
  std::size_t end = quote_end(quote + 1, mark, inner);
  while (end != 0 && mark == '\'') {
    const std::size_t more = continued(end);
    if (more == 0) break;
    end = quote_end(more + 1, mark, inner);
  }
  return end == 0 ? open_end() : cut(kind, end);
}

TokenKind Scanner::number() {
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

TokenKind Scanner::dollar() {
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
TokenKind Scanner::op() {
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

TokenKind Scanner::punctuation() {
  const unsigned char first = at(at_), second = at(at_ + 1);
  const bool pair =
      (first == ':' && (second == ':' || second == '=')) || (first == '.' && second == '.');
  return cut(TokenKind::other, at_ + (pair ? 2 : 1));
}

}  // namespace

Lexer::Cut Lexer::scan(std::string_view text, std::size_t at, std::string* bare) {
  Scanner scanner(text, at, bare);
  const TokenKind kind = scanner.next();
  return {scanner.end(), static_cast<std::uint32_t>(scanner.end() - scanner.begin()), kind};
}

std::string without_comments(std::string_view text) {
  std::string out(text);
  Lexer lexer(text, &out);
  while (lexer.next().kind != TokenKind::end) continue;
  return out;
}

}  // namespace heim::sql
