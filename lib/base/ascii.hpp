// Letters as the protocol and the lexer fold them: no locale.
#pragma once

namespace heim {

constexpr char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

}  // namespace heim
