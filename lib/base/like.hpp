// Names by a pattern, as LIKE of SQL has it.
#pragma once
#include <cstddef>
#include <string_view>

namespace heim {

constexpr std::size_t behind_character(std::string_view utf8, std::size_t at) {
  do ++at;
  while (at < utf8.size() && (static_cast<unsigned char>(utf8[at]) & 0xc0) == 0x80);
  return at;
}

/// Whether the whole of `text` (UTF-8) is like `pattern`: % is any run of characters, _ is one
/// character, and what follows a backslash is that character itself. One backslash at the end
/// stands for itself, where PostgreSQL would refuse the pattern. At most text times pattern steps.
inline bool like(std::string_view text, std::string_view pattern) {
  std::size_t at = 0, to = 0;                             // in the text, in the pattern
  std::size_t run = std::string_view::npos, run_end = 0;  // behind the last %; its end in the text
  while (at < text.size()) {
    if (to < pattern.size()) {
      const bool escapes = pattern[to] == '\\' && to + 1 < pattern.size();
      if (pattern[to] == '%') {
        run = ++to;
        run_end = at;
        continue;
      }
      if (pattern[to] == '_') {
        ++to;
        at = behind_character(text, at);
        continue;
      }
      if (text[at] == pattern[to + escapes]) {
        to += escapes ? 2 : 1;
        ++at;
        continue;
      }
    }
    if (run == std::string_view::npos) return false;
    at = ++run_end;
    to = run;
  }
  while (to < pattern.size() && pattern[to] == '%') ++to;
  return to == pattern.size();
}

}  // namespace heim
