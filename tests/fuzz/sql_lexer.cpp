// Invariants:
// 1. Tokens follow each other in the text, none of them empty; what lies between is blanks and
//    comments, and without comments the tokens are the same.
// 2. The normal form of a normal form is itself.
// 3. White space, comments and letter case do not change the normal form; neither do the values of
//    literals and how they are written, unless it keeps them.
//
// What stands behind the input's last zero chooses what the variants look like.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/hash.hpp"
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

/// Whether literals may stay in a form, since something hangs on them.
bool may_keep_literals(std::string_view form) {
  for (const std::string_view word : {"set_config", "search_path", "explain (", "u&\"", "U&\""}) {
    if (form.find(word) != std::string_view::npos) return true;
  }
  return false;
}

void check_form(std::string_view text, std::string_view choices) {
  const std::string form = normal(text);
  require(normal(form) == form);
  const auto seed = static_cast<std::uint32_t>(hash128(text, 0).low);
  for (std::uint32_t i = 0; i < 3; ++i) {
    require(normal(dressed(text, {.seed = seed + i, .choices = choices})) == form);
  }
  if (may_keep_literals(form)) return;
  for (const auto literals : {Dress::Literals::other, Dress::Literals::any}) {
    const Dress dress{.seed = seed, .literals = literals, .choices = choices};
    require(normal(dressed(text, dress)) == form);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 1 << 12) return 0;
  const std::string_view input = as_text(Bytes(data, size));
  const std::size_t zero = input.rfind('\0');
  const std::string text(input.substr(0, zero));
  check_tokens(text);
  check_form(text, zero == std::string_view::npos ? "" : input.substr(zero + 1));
  return 0;
}
