// Cuts SQL into tokens as PostgreSQL's scanner does, with standard_conforming_strings on. Allocates
// nothing and never fails: what is not closed is one token to the end.
//
// Where a literal ends decides what the normal form leaves out: a difference from PostgreSQL's own
// scanner could hide a statement in a literal. Hence the comparison with it in the tests.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sql/chunk.hpp"

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

/// What a byte may be to the lexer: bits.
namespace byte {

inline constexpr std::uint16_t space = 1, letter = 2, digit = 4, operation = 8,
                               prefix = 16,  // a letter that may stand before a quote
    unusual = 32,                            // an operator with one of these may end in + or -
    inside = 64,                             // of an identifier
    comment = 128,                           // may begin one
    alone = 256;                             // a token of its own, whatever follows

inline constexpr auto table = [] {
  std::array<std::uint16_t, 256> out{};
  const auto mark = [&out](std::string_view bytes, std::uint16_t as) {
    for (const char byte : bytes) out[static_cast<unsigned char>(byte)] |= as;
  };
  mark(" \t\n\r\f", space);
  mark("0123456789", digit);
  mark("~!@#^&|`?+-*/%<>=", operation);
  mark("~!@#^&|`?%", unusual);
  for (int byte = 'a'; byte <= 'z'; ++byte) out[byte] |= letter;
  for (int byte = 'A'; byte <= 'Z'; ++byte) out[byte] |= letter;
  for (int byte = 0x80; byte <= 0xff; ++byte) out[byte] |= letter;
  mark("_", letter);
  mark("bBeEnNuUxX", prefix);
  for (auto& byte : out) byte |= (byte & (letter | digit)) != 0 ? inside : 0;
  mark("$", inside);
  mark("-/", comment);
  mark(",;()[]", alone);
  return out;
}();

inline bool is(unsigned char byte, int what) { return (table[byte] & what) != 0; }

}  // namespace byte

class Lexer {
 public:
  /// Puts blanks for comments into `bare`, if that is given: a copy of the text.
  explicit Lexer(std::string_view text, std::string* bare = nullptr) : text_(text), bare_(bare) {}
  Token next() {
    const TokenKind kind = step();
    return {kind, text()};
  }
  /// The same in halves, which fit into registers: goes on to the next token, whose kind this is,
  TokenKind step();
  /// and whose text is this.
  std::string_view text() const { return {text_.data() + begin_, at_ - begin_}; }

 private:
  struct Cut {
    std::size_t end;
    std::uint32_t size;  // no text of the protocol has more bytes
    TokenKind kind;
  };
  /// The next token that begins at `at` or behind it. Takes and gives values only, so that what
  /// this has may stay in registers.
  static Cut scan(std::string_view text, std::size_t at, std::string* bare);

  TokenKind cut(TokenKind kind, std::size_t begin, std::size_t end) {
    begin_ = begin;
    at_ = end;
    return kind;
  }

  std::string_view text_;
  std::string* bare_;
  TextMap map_;
  std::size_t begin_ = 0, at_ = 0;  // of the last token, its end
};

/// What most tokens are is cut here, within the caller's loop; the rest by scan().
inline TokenKind Lexer::step() {
  std::size_t from = map_.behind_blank(at_);  // mostly that is all there is
  while (from + 1 < text_.size()) {
    const auto first = static_cast<unsigned char>(text_[from]);
    const auto second = static_cast<unsigned char>(text_[from + 1]);
    if (byte::is(first, byte::letter)) {
      if ((second == '\'' || second == '&') && byte::is(first, byte::prefix)) break;
      return cut(TokenKind::identifier, from, map_.identifier_end(text_, from));
    }
    if (byte::is(first, byte::alone) || (first == '.' && byte::is(second, byte::letter))) {
      return cut(TokenKind::other, from, from + 1);
    }
    if (byte::is(first, byte::operation) && !byte::is(second, byte::operation)) {
      return cut(TokenKind::op, from, from + 1);
    }
    if (!byte::is(first, byte::space)) break;
    ++from;
  }
  const Cut rest = scan(text_, at_, bare_);
  return cut(rest.kind, rest.end - rest.size, rest.end);
}

/// The text with blanks for its comments, each token where it was. libpg_query needs time
/// that grows with the square of comments within comments.
std::string without_comments(std::string_view text);

}  // namespace heim::sql
