#include <doctest/doctest.h>

#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

#include "cases.hpp"
#include "sql/analysis.hpp"
#include "sql/normal_form.hpp"

namespace {

std::size_t allocations = 0;
std::size_t live_bytes = 0;  // as asked for; libpg_query's own are not among them
constexpr std::size_t prefix = alignof(std::max_align_t);

}  // namespace

// Of the whole program: how often memory was asked for, and how much is in use.
void* operator new(std::size_t size) {
  auto* const memory = static_cast<char*>(std::malloc(prefix + size));
  if (memory == nullptr) throw std::bad_alloc();
  ++allocations;
  live_bytes += size;
  std::memcpy(memory, &size, sizeof size);
  return memory + prefix;
}
void operator delete(void* memory) noexcept {
  if (memory == nullptr) return;
  char* const begin = static_cast<char*>(memory) - prefix;
  std::size_t size = 0;
  std::memcpy(&size, begin, sizeof size);
  live_bytes -= size;
  std::free(begin);
}
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }

using namespace heim::sql;

namespace {

std::string select(int number) { return "select x from t where id = " + std::to_string(number); }
std::string other(int number) { return "select x" + std::to_string(number) + " from t"; }

}  // namespace

TEST_CASE("a text is analysed once, and so is one that differs in literals only") {
  AnalysisCache cache(1);
  const ScriptRef first = cache.find("select x from t where id = 1");
  CHECK(first->statements.at(0).reads.at(0).name == "t");
  CHECK(cache.find("select x from t where id = 1") == first);
  CHECK(cache.find("SELECT x  FROM t /**/ WHERE id = 'y'") == first);
  CHECK(cache.find("select x from t where id = $1") == first);
  CHECK(cache.find("select x from u where id = 1") != first);
  CHECK(cache.counts().exact_hits == 1);
  CHECK(cache.counts().normal_hits == 2);
  CHECK(cache.counts().misses == 2);
  CHECK(cache.counts().entries == 2);
  CHECK(first->fingerprint == analyse("SELECT x FROM t WHERE id = 7")->fingerprint);
}

TEST_CASE("hits allocate nothing") {
  AnalysisCache cache(1);
  for (int i = 0; i < 100; ++i) cache.find(select(i));
  const std::string seen = select(99), unseen = select(12'345),
                    quoted = "select x from t where id='a'";
  const std::string set = "select set_config('a', 'b', true)";
  cache.find(set);
  const std::size_t before = allocations;
  cache.find(seen);
  cache.find(unseen);
  cache.find(quoted);
  cache.find(set);
  CHECK(allocations == before);
  CHECK(cache.counts().misses == 2);
}

TEST_CASE("nor do those of long texts") {
  AnalysisCache cache(1);
  const auto rows = [](int count, int number) {
    std::string text = "insert into t values (0, 'a')";
    for (int i = 0; i < count; ++i) text += ", (" + std::to_string(number) + ", 'b')";
    return text;
  };
  cache.find(rows(1, 1));
  const std::string many = rows(20'000, 1), other = rows(10'000, 2), few = rows(100, 3);
  const std::size_t before = allocations;
  cache.find(many);
  cache.find(other);
  cache.find(few);
  CHECK(allocations == before);
  CHECK(cache.counts().normal_hits == 3);
}

TEST_CASE("a script tells what it has on the heap") {
  for (const test::Case& row : test::all_cases()) {
    CAPTURE(row.text);
    const std::size_t before = live_bytes;
    const ScriptRef script = analyse(row.text);
    CHECK(live_bytes - before == script->bytes);
  }
}

TEST_CASE("what effects hang on stays apart") {
  AnalysisCache cache(1);
  CHECK(cache.find("select set_config('a', 'x', true)")->effects == effect::local);
  CHECK(cache.find("select set_config('a', 'x', false)")->effects == effect::settings);
  CHECK((cache.find("set search_path to 'a'")->effects & effect::own_server) == 0);
  CHECK((cache.find("set search_path to 'pg_temp'")->effects & effect::own_server) != 0);
  CHECK(cache.find("select set_config('b', 'x', false)")->statements.at(0).settings.at(0) == "b");
  CHECK(cache.find("explain (analyze 0) delete from t")->statements.at(0).kind == Kind::explain);
  CHECK(cache.find("explain (analyze 1) delete from t")->statements.at(0).kind == Kind::write);
  CHECK(cache.find("select 'pg_temp'")->effects == 0);
}

TEST_CASE("what was not understood does not speak for other literals") {
  AnalysisCache cache(1);
  CHECK_FALSE(cache.find("select E'\\u00'")->understood);
  CHECK(cache.find("select E'x'")->understood);
  CHECK_FALSE(cache.find("select E'\\u00'")->understood);
  CHECK(cache.counts().not_understood == 1);
  CHECK(cache.counts().misses == 2);
}

TEST_CASE("memory is bounded, and what is asked for often stays") {
  AnalysisCache cache(1, {.bytes = 64 << 10});
  const ScriptRef hot = cache.find(select(0));
  for (int i = 0; i < 5'000; ++i) {
    cache.find(other(i));
    CHECK(cache.counts().bytes <= 64 << 10);
    if (i % 8 == 0) CHECK(cache.find(select(0)) == hot);
    if (i % 16 == 0) CHECK(cache.find(select(i)) == hot);
  }
  CHECK(cache.counts().entries > 10);
  // Places are used again, and no text finds what has taken the place of its own.
  for (int i = 0; i < 5'000; ++i) {
    const std::string text =
        "select y" + std::to_string(i % 700) + " from t" + std::to_string(i % 50);
    CHECK(cache.find(text)->statements.at(0).reads.at(0).name == "t" + std::to_string(i % 50));
  }
}

// What the cache has beside what it counts: the normal form that it reads into, and a script that
// is too large to be kept.
void check_bound(const AnalysisCache& cache, std::size_t limit, std::size_t others) {
  const std::size_t beside = sizeof(AnalysisCache) + 2 * NormalForm::limit + 2048;
  CHECK(cache.counts().bytes <= limit);
  CHECK(live_bytes - others <= cache.counts().bytes + beside);
}

TEST_CASE("memory in use is what is counted, with many texts") {
  const std::size_t limit = 512 << 10, others = live_bytes;
  AnalysisCache cache(1, {.bytes = limit});
  for (int i = 0; i < 20'000; ++i) {
    cache.find(other(i));
    if (i % 100 == 0) check_bound(cache, limit, others);
  }
  CHECK(cache.counts().entries > 100);
}

TEST_CASE("memory in use is what is counted, with long texts") {
  const std::size_t limit = 1 << 20, others = live_bytes;
  AnalysisCache cache(1, {.bytes = limit});
  for (int i = 0; i < 2'000; ++i) cache.find(other(i));  // whose places stay
  for (int i = 0; i < 300; ++i) {
    // Scripts of many names; texts that are not understood; and long literals.
    std::string text = "select 1 from t" + std::to_string(i);
    for (int name = 0; name < 10 * (i % 20); ++name) {
      text += ", a_table_with_a_long_name_" + std::to_string(i) + "_" + std::to_string(name);
    }
    cache.find(text);
    cache.find(text + " where where");
    cache.find(text + " where a = '" + std::string(100'000, 'x') + "'");
    check_bound(cache, limit, others);
  }
  CHECK(cache.counts().entries > 10);
}

TEST_CASE("large texts") {
  AnalysisCache cache(1);
  std::string rows = "insert into t values (1, 'a')", columns = "select a";
  while (rows.size() < 4 << 20) rows += ", (2, 'b')";
  while (columns.size() < 200 << 10) columns += ", a";
  const ScriptRef script = cache.find(rows);
  CHECK(script->understood);
  CHECK(script->statements.at(0).writes.at(0).name == "t");
  CHECK(cache.find("insert into t values (5, 'c')") == script);
  CHECK(cache.find(rows) == script);
  CHECK_FALSE(cache.find(columns)->understood);
  CHECK_FALSE(cache.find(columns + " from t")->understood);
  const std::string literal = "select f('" + std::string(1 << 20, 'x') + "')";
  CHECK(cache.find(literal)->statements.at(0).functions.at(0).name == "f");
  const std::string block = "do $$" + std::string(20 << 10, 'x') + "$$";
  CHECK(cache.find(block)->statements.at(0).kind == Kind::block);
  CHECK(cache.find("do $$" + std::string(1 << 20, 'x') + "$$")->understood == true);
}
