#include "cache/cache.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "fixture.hpp"

namespace heim::cache::test {

TEST_CASE("parts of a key do not run into each other") {
  const auto key = [](std::initializer_list<std::string_view> parts) {
    KeyBuilder builder(1);
    for (const std::string_view part : parts) builder.add(part);
    return builder.key();
  };
  CHECK(key({"ab", "c"}) == key({"ab", "c"}));
  CHECK(key({"ab", "c"}) != key({"a", "bc"}));
  CHECK(key({"ab", ""}) != key({"ab"}));
  CHECK(key({"", "ab"}) != key({"ab", ""}));
  CHECK(KeyBuilder(1).add("").key() != KeyBuilder(1).add_null().key());
  CHECK(KeyBuilder(1).add("a").key() != KeyBuilder(2).add("a").key());
  CHECK(KeyBuilder(1).add(std::string(1'000, 'x')).key() !=
        KeyBuilder(1).add(std::string(999, 'x')).key());
}

TEST_CASE("parts of any size make a key") {
  // Where one comes to stand behind what was folded, or is a hash itself, is not seen from outside.
  std::set<Key> seen;
  const std::string text(300, 'x');
  for (std::size_t first = 0; first <= text.size(); ++first) {
    for (std::size_t second = 0; second <= text.size(); second += 7) {
      KeyBuilder builder(1);
      builder.add(text.substr(0, first)).add(text.substr(0, second)).add_number(3);
      seen.insert(builder.key());
    }
  }
  CHECK(seen.size() == 301 * 43);
  KeyBuilder many(1), more(1);
  for (int i = 0; i < 200; ++i) {
    many.add_number(7), more.add_number(7);
    CHECK(seen.insert(many.key()).second);
    CHECK(many.key() == more.key());
  }
}

TEST_CASE("what was stored is found, whole, until its table is written") {
  Bench bench;
  CHECK(bench.read(1) == "-");
  const Bytes pieces[] = {as_bytes("rows "), as_bytes(""), as_bytes("and end")};
  Answer answer{.pieces = pieces, .layout = {1, 2, 3}, .cost = milliseconds(2)};
  Fill fill = bench.lead(1);
  REQUIRE(fill.admit(answer, bench.now) == Admission::stored);
  CHECK_FALSE(fill);
  const EntryRef hit = bench.cache.get(bench.lookup(1), bench.now);
  REQUIRE(hit);
  CHECK(as_text(hit->bytes()) == "rows and end");
  CHECK(hit->layout()[2] == 3);
  CHECK(hit->cost() == milliseconds(2));
  CHECK(hit->tables().size() == 2);
  CHECK(bench.read(2) == "-");
  bench.commit(bench.b);
  CHECK(bench.read(1) == "rows and end");
  bench.commit(bench.a);
  CHECK(bench.read(1) == "-");
  CHECK(as_text(hit->bytes()) == "rows and end");  // who has it keeps it
  bench.store(1, "new");
  CHECK(bench.read(1) == "new");
  bench.commit(bench.ledger.everything(bench.db));
  CHECK(bench.read(1) == "-");
  const Stats stats = bench.cache.stats();
  CHECK(stats.hits == 3);
  CHECK(stats.misses == 2);
  CHECK(stats.dead == 1);
  CHECK(stats.saved_us == 4'000);
}

TEST_CASE("an empty answer is an answer") {
  Bench bench;
  REQUIRE(bench.store(1, "") == Admission::stored);
  CHECK(bench.read(1) == "");
}

TEST_CASE("results end with their time, and readers may ask for younger ones") {
  Bench bench({.ttl = seconds(10)});
  bench.store(1, "default");
  bench.store(2, "short", {.ttl = seconds(1)});
  bench.now += seconds(1) - milliseconds(1);
  CHECK(bench.read(2) == "short");
  bench.now += milliseconds(1);
  CHECK(bench.read(2) == "-");
  CHECK(bench.read(1) == "default");
  CHECK(bench.read(1, {.max_age = seconds(1)}) == "default");
  bench.now += milliseconds(1);
  CHECK(bench.read(1, {.max_age = seconds(1)}) == "-");
  bench.now += seconds(9);
  CHECK(bench.read(1) == "-");
  CHECK(bench.read(1, {.scope = freshness::Scope::any}) == "-");
  Fill fill = bench.lead(1);
  CHECK(bench.cache.stats().expired == 1);
}

TEST_CASE("what refuses an answer has its reason") {
  struct Case {
    Admission wanted;
    void (*meanwhile)(Bench&);
  };
  static CommitTicket open;
  for (const auto& [wanted, meanwhile] : {
           Case{Admission::stored, [](Bench&) {}},
           Case{Admission::stored, [](Bench& bench) { bench.commit(bench.b); }},
           Case{Admission::changed, [](Bench& bench) { bench.commit(bench.a); }},
           Case{Admission::changed,
                [](Bench& bench) { bench.commit(bench.ledger.everything(bench.db)); }},
           Case{Admission::in_flight, [](Bench& bench) { open = bench.begin(bench.a); }},
           Case{Admission::in_flight,
                [](Bench& bench) {
                  CommitTicket ticket = bench.begin(bench.a);
                  bench.end(ticket, Outcome::unknown);
                }},
           Case{Admission::invalidated, [](Bench& bench) { bench.cache.invalidate(key_of(1)); }},
           Case{Admission::invalidated,
                [](Bench& bench) { bench.cache.invalidate_fingerprint(query_of(1)); }},
           Case{Admission::stored,
                [](Bench& bench) {
                  bench.cache.invalidate(key_of(2));
                  bench.cache.invalidate_fingerprint(query_of(2));
                }},
           Case{Admission::invalidated, [](Bench& bench) { bench.cache.invalidate_all(); }},
           Case{Admission::paused, [](Bench& bench) { bench.cache.pause(); }},
           Case{Admission::invalidated,
                [](Bench& bench) { bench.cache.pause(), bench.cache.resume(); }},
       }) {
    Bench bench;
    Fill fill = bench.lead(1);
    meanwhile(bench);
    CHECK(bench.admit(fill, "text") == wanted);
    CHECK(bench.admitted(wanted) == 1);
    CHECK(bench.read(1) == (wanted == Admission::stored ? "text" : "-"));
    CHECK(bench.cache.stats().flights == 0);
    if (open.active()) bench.end(open);
  }
}

TEST_CASE("results that are too large bypass") {
  Bench bench({.bytes = 1 << 20, .entry_bytes = 1'000, .shards = 1});
  Fill fill = bench.lead(1);
  CHECK(fill.fits(1'000));
  CHECK_FALSE(fill.fits(1'001));
  CHECK(bench.admit(fill, std::string(1'001, 'x')) == Admission::too_large);
  CHECK(bench.store(1, std::string(1'000, 'x')) == Admission::stored);
}

TEST_CASE("by key, by fingerprint, all") {
  Bench bench;
  bench.store(1, "one");
  bench.store(2, "two");
  Lookup other = bench.lookup(3);
  other.fingerprint = query_of(9);
  Fill fill = std::move(bench.cache.miss(other, nullptr, 0, bench.now).fill);
  bench.admit(fill, "three");
  CHECK(bench.cache.invalidate(key_of(1)));
  CHECK_FALSE(bench.cache.invalidate(key_of(1)));
  CHECK(bench.read(1) == "-");
  CHECK(bench.read(2) == "two");
  bench.cache.invalidate_fingerprint(query_of(1));
  CHECK(bench.read(2) == "-");
  CHECK(bench.read(2, {.scope = freshness::Scope::any}) == "-");
  CHECK(bench.read(3) == "three");
  bench.cache.invalidate_all();
  CHECK(bench.read(3) == "-");
  bench.store(1, "again");
  CHECK(bench.read(1) == "again");
  bench.cache.pause();
  CHECK(bench.read(1) == "-");
  CHECK_FALSE(bench.miss(1).fill);
  bench.cache.resume();
  CHECK(bench.read(1) == "-");
  CHECK(bench.miss(1).fill);
}

TEST_CASE("more tables than a fence has are not cached") {
  Bench bench;
  std::vector<TableId> tables(Cache::max_tables + 1, bench.a);
  Lookup lookup = bench.lookup(1);
  lookup.tables = tables;
  const Miss none = bench.cache.miss(lookup, &bench.bell, 0, bench.now);
  CHECK_FALSE(none.fill);
  CHECK(none.reason == "it reads too many tables");
  lookup.tables = std::span(tables).first(Cache::max_tables);
  CHECK(bench.cache.miss(lookup, &bench.bell, 0, bench.now).fill);
}

TEST_CASE("the hottest are those with most hits, in order, and looking is no hit") {
  Bench bench({.bytes = 64 << 20, .shards = 4});
  for (std::uint64_t i = 0; i < 5'000; ++i) bench.store(i, std::to_string(i));
  for (const std::uint64_t i : {4'000, 17, 4'000, 2'222, 4'000, 17}) bench.read(i);
  const std::vector<EntryRef> found = bench.cache.hottest(3);
  REQUIRE(found.size() == 3);
  CHECK(as_text(found[0]->bytes()) == "4000");
  CHECK(as_text(found[1]->bytes()) == "17");
  CHECK(as_text(found[2]->bytes()) == "2222");
  CHECK(found[0]->hits() == 3);
  CHECK(bench.cache.hottest(10'000).size() == 5'000);
  CHECK(bench.cache.hottest(0).empty());
  CHECK(bench.cache.stats().hits == 6);
}

}  // namespace heim::cache::test
