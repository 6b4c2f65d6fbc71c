// A text in other clothes: white space, comments, letter case and the values of literals.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "sql/lexer.hpp"

namespace heim::sql {

struct Dress {
  std::uint32_t seed = 0;
  bool literals = false;  // other values, too

  std::uint32_t next() { return seed = seed * 1664525u + 1013904223u; }
};

inline std::string dressed_token(const Token& token, Dress& dress) {
  std::string piece(token.text);
  if (token.kind == TokenKind::identifier) {
    for (char& byte : piece) {
      const bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
      if (letter && dress.next() >> 31) byte = static_cast<char>(byte ^ 0x20);
    }
  }
  if (dress.literals && token.kind == TokenKind::number) return std::to_string(dress.next() >> 24);
  if (dress.literals && piece.front() == '\'') {
    return "'" + std::to_string(dress.next() >> 24) + "'";
  }
  return piece;
}

/// What is not closed stays at the end, as it is.
inline std::string dressed(std::string_view text, Dress dress) {
  constexpr std::string_view gaps[] = {" ",   "\t ",    " /**/", " /* ; /* ' */ */ ",
                                       " \n", " --'\n", "\r\f"};
  constexpr std::string_view flat_gaps[] = {" ", "\t ", " /**/", " /* ; /* \" */ */ "};
  std::string out;
  Lexer lexer(text);
  for (Token token = lexer.next(); token.kind != TokenKind::end; token = lexer.next()) {
    out += dressed_token(token, dress);
    if (token.kind == TokenKind::open) break;
    // A line end between two strings makes one of them.
    out += token.kind == TokenKind::string ? flat_gaps[(dress.next() >> 16) % std::size(flat_gaps)]
                                           : gaps[(dress.next() >> 16) % std::size(gaps)];
  }
  return out;
}

}  // namespace heim::sql
