#include "sql/spelling.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "sql/lexer.hpp"

namespace heim::sql {
namespace {

// What stands right behind it may be refused there, and not behind a blank: 1as, $1as.
bool minds_neighbours(TokenKind kind) {
  return kind == TokenKind::number || kind == TokenKind::parameter;
}

}  // namespace

std::string_view one_spelling(std::string_view text, std::string& buffer) {
  buffer.resize(2 * text.size());  // a blank for each token, at most
  char* to = buffer.data();
  Lexer lexer(text);
  const char* behind = text.data();  // the token before
  TokenKind before = TokenKind::end;
  for (TokenKind kind = lexer.step(); kind != TokenKind::end; kind = lexer.step()) {
    const std::string_view token = lexer.text();
    if (kind == TokenKind::open) return text;
    const bool joined = minds_neighbours(before) && token.data() == behind;
    if (before != TokenKind::end && !joined) *to++ = ' ';
    to = kind == TokenKind::identifier ? std::transform(token.begin(), token.end(), to, ascii_lower)
                                       : std::copy(token.begin(), token.end(), to);
    behind = token.data() + token.size();
    before = kind;
  }
  std::string_view out(buffer.data(), static_cast<std::size_t>(to - buffer.data()));
  while (before == TokenKind::other && out.ends_with(';')) {
    out.remove_suffix(1);
    while (out.ends_with(' ')) out.remove_suffix(1);
  }
  return out;
}

Hash128 Spellings::find(std::string_view text) {
  if (text.size() > longest) return hash128(one_spelling(text, buffer_), seed_);
  if (slots_.empty()) slots_.resize(slots);
  const Hash128 key = hash128(text, ~seed_);
  Slot& slot = slots_[key.high % slots];
  if (slot.text != key) slot = {key, hash128(one_spelling(text, buffer_), seed_)};
  return slot.spelled;
}

}  // namespace heim::sql
