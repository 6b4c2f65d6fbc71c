// Cuts SQL into tokens as PostgreSQL's scanner does, with standard_conforming_strings on. Allocates
// nothing and never fails: what is not closed is one token to the end.
//
// Where a literal ends decides what the normal form leaves out: a difference from PostgreSQL's own
// scanner could hide a statement in a literal. Hence the comparison with it in the tests.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace heim::sql {

enum class TokenKind : std::uint8_t {
  end,
  identifier,  // unquoted; keywords, too
  quoted,      // "..."
  unicode,     // U&"...": what it names hangs on an UESCAPE behind it
  string,  // '...', E'...', U&'...', B'...', X'...', N'...', $tag$...$tag$; continued ones whole
  number,
  parameter,  // $1
  op,         // +, <=, ->>, ...
  other,      // , ; ( ) [ ] . : :: := and any byte that belongs nowhere
  open,       // a literal, quoted identifier or comment that the text does not close
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::string_view text;
};

class Lexer {
 public:
  /// Puts blanks for comments into `bare`, if that is given: a copy of the text.
  explicit Lexer(std::string_view text, std::string* bare = nullptr) : text_(text), bare_(bare) {}
  Token next();

 private:
  unsigned char at(std::size_t position) const {
    return position < text_.size() ? static_cast<unsigned char>(text_[position]) : 0;
  }
  Token cut(TokenKind kind, std::size_t end);
  Token open_end() { return cut(TokenKind::open, text_.size()); }
  bool skip_blanks();
  std::size_t comment_end(std::size_t from);
  void blank(std::size_t from, std::size_t end);
  std::size_t end_of(std::size_t comment) const;
  Token word();
  Token prefixed();
  /// What a quote is that closes nothing.
  enum class Inner : std::uint8_t { none, doubled, doubled_or_escaped };
  Token quoted(TokenKind kind, std::size_t quote, Inner inner = Inner::doubled);
  std::size_t quote_end(std::size_t from, char mark, Inner inner) const;
  std::size_t continued(std::size_t from);
  Token number();
  Token dollar();
  Token op();
  Token punctuation();

  std::string_view text_;
  std::string* bare_;
  std::size_t at_ = 0;  // where the next token, or a blank before it, begins
};

/// The text with blanks for its comments, each token where it was. libpg_query needs time
/// that grows with the square of comments within comments.
std::string without_comments(std::string_view text);

}  // namespace heim::sql
