// Text as SQL reads it between quotes: a quote within is doubled.
#pragma once
#include <string>
#include <string_view>

namespace heim {

/// For names ("), and for literals (') where a backslash is nothing special.
inline std::string quoted(std::string_view text, char quote) {
  std::string out(1, quote);
  for (const char c : text) out.append(c == quote ? 2 : 1, c);
  return out += quote;
}

}  // namespace heim
