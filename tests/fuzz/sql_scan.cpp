// Invariant: what PostgreSQL's own scanner takes, ours cuts into the same tokens. Where a literal
// ends decides what the normal form leaves out.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/bytes.hpp"
#include "pg_scan.hpp"
#include "sql/lexer.hpp"

using namespace heim;
using namespace heim::sql;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 1 << 10) return 0;
  const std::string text(as_text(Bytes(data, size)));
  if (text.find('\0') != std::string::npos) return 0;
  const std::string bare = without_comments(text);
  const auto theirs = pg_tokens(bare);
  if (!theirs) return 0;
  Lexer lexer(bare);
  std::size_t at = 0;
  for (Token token = lexer.next(); token.kind != TokenKind::end; token = lexer.next()) {
    const auto begin = static_cast<std::size_t>(token.text.data() - bare.data());
    const std::size_t end = begin + token.text.size();
    if (at >= theirs->size() || (*theirs)[at].first != begin) std::abort();
    // It gives those with U& no end or a wrong one. Of N'x' it makes two.
    const bool escaped =
        token.text.size() > 2 && token.text[1] == '&' && token.kind != TokenKind::op;
    const bool national = token.kind == TokenKind::string && (token.text[0] | 0x20) == 'n';
    at += national ? 1 : 0;
    if (at >= theirs->size() || (!escaped && (*theirs)[at].second != end)) std::abort();
    ++at;
  }
  if (at != theirs->size()) std::abort();
  return 0;
}
