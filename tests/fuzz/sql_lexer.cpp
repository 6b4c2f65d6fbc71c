// Invariants:
// 1. Tokens follow each other in the text, none of them empty; what lies between is blanks and
//    comments, and without comments the tokens are the same.
// 2. The normal form of a normal form is itself.
// 3. White space, comments and letter case do not change the normal form.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "sql/normal_form.hpp"
#include "sql_dress.hpp"

using namespace heim;
using namespace heim::sql;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

std::string normal(std::string_view text) {
  NormalForm form;
  form.read(text);
  return std::string(form.text());
}

void check_tokens(std::string_view text) {
  const std::string bare = without_comments(text);
  Lexer lexer(text), other(bare);
  const char* end = text.data();
  for (;;) {
    const Token token = lexer.next(), twin = other.next();
    require(token.kind == twin.kind && token.text.size() == twin.text.size());
    if (token.kind == TokenKind::end) return;
    require(!token.text.empty() && token.text.data() >= end);
    require(token.text.data() - text.data() == twin.text.data() - bare.data());
    end = token.text.data() + token.text.size();
    require(end <= text.data() + text.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 1 << 12) return 0;
  const std::string text(as_text(Bytes(data, size)));
  check_tokens(text);
  const std::string form = normal(text);
  require(normal(form) == form);
  for (std::uint32_t seed = 0; seed < 3; ++seed) {
    require(normal(dressed(text, {.seed = seed + static_cast<std::uint32_t>(size)})) == form);
  }
  return 0;
}
