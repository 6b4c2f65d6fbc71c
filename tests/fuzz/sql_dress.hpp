// A text in other clothes: white space, comments, letter case and the values of literals.
#pragma once
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include "sql/lexer.hpp"

namespace heim::sql {

struct Dress {
  /// Whether literals have other values, too; and whether they may be written in another way.
  enum class Literals : std::uint8_t { same, other, any };

  std::uint32_t seed = 0;
  Literals literals = Literals::same;
  std::string_view choices = {};  // these bytes have a say, one after another

  std::uint32_t next() {
    seed = seed * 1664525u + 1013904223u;
    if (!choices.empty()) {
      seed ^= std::uint32_t{static_cast<unsigned char>(choices.front())} << 24;
      choices.remove_prefix(1);
    }
    return seed;
  }
  std::uint32_t below(std::size_t count) {
    return (next() >> 16) % static_cast<std::uint32_t>(count);
  }
};

/// With each of these bytes twice.
inline std::string doubled(std::string_view text, std::string_view bytes) {
  std::string out;
  for (const char byte : text) {
    if (bytes.find(byte) != std::string_view::npos) out += byte;
    out += byte;
  }
  return out;
}

/// A literal string as no reader likes it.
inline std::string any_string(Dress& dress) {
  constexpr std::string_view bytes = "a'\\\";$-/*\n 1,()[E\x80";
  std::string body;
  for (std::uint32_t left = dress.below(9); left > 0; --left) {
    body += bytes[dress.below(bytes.size())];
  }
  const std::string flat = "'" + doubled(body, "'") + "'";
  switch (dress.below(7)) {
    case 0:
      return "E'" + doubled(body, "'\\") + "'";
    case 1:
      return "$q$" + body + "$q$";
    case 2:
      return "n" + flat;
    case 3:
      return "u&" + flat;
    case 4:
      return "X'1f'";
    case 5:
      return flat + " --'\n" + flat;
    default:
      return flat;
  }
}

inline std::string any_number(Dress& dress) {
  constexpr std::string_view numbers[] = {"0", ".5", "1.", "1.5", "7e3", "1.e-2", "42"};
  return std::string(numbers[dress.below(std::size(numbers))]);
}

inline std::string dressed_literal(const Token& token, Dress& dress) {
  const std::string number = std::to_string(dress.next() >> 24);
  if (token.kind == TokenKind::parameter) return "$" + number;
  if (dress.literals == Dress::Literals::any) {
    return token.kind == TokenKind::number ? any_number(dress) : any_string(dress);
  }
  if (token.kind == TokenKind::number) return number;
  return token.text.front() == '\'' ? "'" + number + "'" : std::string(token.text);
}

inline std::string dressed_token(const Token& token, Dress& dress) {
  const bool literal = token.kind == TokenKind::string || token.kind == TokenKind::number ||
                       token.kind == TokenKind::parameter;
  if (literal && dress.literals != Dress::Literals::same) return dressed_literal(token, dress);
  std::string piece(token.text);
  if (token.kind != TokenKind::identifier) return piece;
  for (char& byte : piece) {
    const bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
    if (letter && dress.next() >> 31) byte = static_cast<char>(byte ^ 0x20);
  }
  return piece;
}

inline std::string_view gap_behind(const Token& token, Dress& dress) {
  constexpr std::string_view gaps[] = {" ",   "\t ",    " /**/", " /* ; /* ' */ */ ",
                                       " \n", " --'\n", "\r\f",  "\n--\r"};
  constexpr std::string_view flat_gaps[] = {" ", "\t ", " /**/", " /* ; /* \" */ */ "};
  // A line end between two strings makes one of them.
  if (token.kind == TokenKind::string) return flat_gaps[dress.below(std::size(flat_gaps))];
  const bool alone = token.text.size() == 1 &&
                     std::string_view(",;()[]").find(token.text[0]) != std::string_view::npos;
  if (alone && dress.below(3) == 0) return "";
  return gaps[dress.below(std::size(gaps))];
}

/// What is not closed stays at the end, as it is.
inline std::string dressed(std::string_view text, Dress dress) {
  std::string out;
  Lexer lexer(text);
  for (Token token = lexer.next(); token.kind != TokenKind::end; token = lexer.next()) {
    out += dressed_token(token, dress);
    if (token.kind == TokenKind::open) break;
    out += gap_behind(token, dress);
  }
  return out;
}

}  // namespace heim::sql
