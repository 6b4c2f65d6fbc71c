// Invariants:
// 1. No text crashes the analysis or takes it long.
// 2. What a statement is and does hangs neither on white space, comments and letter case nor, if
// the
//    normal form is the same, on the values of literals; the form itself is read in the same way.
// 3. Fields that belong to an effect are set with it, and only then.
// 4. Of what is understood the cache says what the analysis says.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/bytes.hpp"
#include "base/hash.hpp"
#include "sql/analysis.hpp"
#include "sql/normal_form.hpp"
#include "sql_dress.hpp"

using namespace heim;
using namespace heim::sql;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

bool same(const Statement& a, const Statement& b) {
  return a.kind == b.kind && a.effects == b.effects && a.name == b.name &&
         a.settings == b.settings && a.executes == b.executes && a.reads == b.reads &&
         a.writes == b.writes && a.functions == b.functions && a.read_only == b.read_only &&
         a.chain == b.chain;
}

bool same(const Script& a, const Script& b) {
  return a.understood == b.understood && a.effects == b.effects &&
         std::ranges::equal(a.statements, b.statements,
                            [](const Statement& x, const Statement& y) { return same(x, y); });
}

void check_fields(const Script& script) {
  for (const Statement& statement : script.statements) {
    const auto has = [&statement](Effects effect) { return (statement.effects & effect) != 0; };
    require(has(effect::settings) == !statement.settings.empty());
    require(has(effect::executes) == !statement.executes.empty());
    require(script.understood || (statement.kind == Kind::unknown && has(effect::suspicious)));
  }
}

std::string normal(std::string_view text) {
  NormalForm form;
  form.read(text);
  return std::string(form.text());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 1 << 12) return 0;
  const std::string text(as_text(Bytes(data, size)));
  const ScriptRef script = analyse(text);
  check_fields(*script);
  analyse_prepared(text);
  prepare_statement(text, "a");
  static AnalysisCache cache(1, {.bytes = 256 << 10});
  // What is not understood may have the normal form of what is: the server will not take it.
  for (int i = 0; i < 2; ++i) {
    const ScriptRef& cached = cache.find(text);
    require(same(*cached, *script) || !script->understood);
  }
  if (!script->understood) return 0;
  const auto seed = static_cast<std::uint32_t>(hash128(text, 0).low);
  require(same(*analyse(dressed(text, {.seed = seed})), *script));
  const std::string form = normal(text);
  const auto variant = [&](Dress::Literals literals) {
    return dressed(text, {.seed = seed, .literals = literals});
  };
  for (const std::string& other :
       {variant(Dress::Literals::other), variant(Dress::Literals::any), form}) {
    const ScriptRef twin = analyse(other);
    if (twin->understood && normal(other) == form) require(same(*twin, *script));
  }
  return 0;
}
