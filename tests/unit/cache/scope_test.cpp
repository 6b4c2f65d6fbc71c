// Who takes what: entries that are right, were right, or came from a standby, and readers of each
// scope.
#include <doctest/doctest.h>

#include "fixture.hpp"

namespace heim::cache::test {

using freshness::Scope;

TEST_CASE("a table was written since: by scope") {
  Bench bench;
  const Moment before = bench.cache.moment();
  bench.store(1, "old");
  bench.now += milliseconds(500);
  CHECK(bench.read(1) == "old");  // so it was right at that time
  const Instant right = bench.now;
  bench.now += milliseconds(100);
  bench.commit(bench.a);
  const Moment after = bench.cache.moment();
  struct Case {
    Wish wish;
    const char* wanted;
  };
  for (const auto& [wish, wanted] : {
           Case{{.scope = Scope::strict}, "-"},
           Case{{.scope = Scope::any}, "old"},
           Case{{.scope = Scope::session}, "old"},  // it has never committed
           Case{{.scope = Scope::session, .after = before}, "old"},
           Case{{.scope = Scope::session, .after = after}, "-"},
           Case{{.scope = Scope::group, .after = before}, "old"},
           Case{{.scope = Scope::group, .after = after}, "-"},
           Case{{.scope = Scope::bounded, .bound = milliseconds(99)}, "-"},
           Case{{.scope = Scope::bounded, .bound = milliseconds(100)}, "old"},
           Case{{.scope = Scope::any, .max_age = milliseconds(599)}, "-"},
           Case{{.scope = Scope::any, .max_age = milliseconds(600)}, "old"},
       }) {
    CHECK(bench.read(1, wish) == wanted);
  }
  CHECK(bench.now - right == milliseconds(100));
  CHECK(bench.cache.stats().hits_weaker == 6);
}

TEST_CASE("answers of a standby that may lack something") {
  Bench bench;
  const Wish any{.scope = Scope::any};
  Fill fill = bench.lead(1, any);
  CHECK(
      bench.admit(fill, "behind", {.grade = Grade::weaker, .lsn = 500, .lag = milliseconds(50)}) ==
      Admission::stored_weaker);
  struct Case {
    Wish wish;
    const char* wanted;
  };
  for (const auto& [wish, wanted] : {
           Case{{.scope = Scope::strict}, "-"},
           Case{any, "behind"},
           Case{{.scope = Scope::session}, "behind"},
           Case{{.scope = Scope::session, .after = 1}, "-"},  // its position is not known
           Case{{.scope = Scope::session, .after = 1, .lsn = 501}, "-"},
           Case{{.scope = Scope::session, .after = 1, .lsn = 500}, "behind"},
           Case{{.scope = Scope::bounded, .bound = milliseconds(49)}, "-"},
           Case{{.scope = Scope::bounded, .bound = milliseconds(50)}, "behind"},
       }) {
    CHECK(bench.read(1, wish) == wanted);
  }
  // Nobody knows how far: no bound will do.
  Fill unknown = bench.lead(2, any);
  bench.admit(unknown, "unknown", {.grade = Grade::weaker, .lag = Duration(-1)});
  CHECK(bench.read(2, {.scope = Scope::bounded, .bound = std::chrono::hours(24)}) == "-");
  CHECK(bench.read(2, any) == "unknown");
}

TEST_CASE("a weaker answer does not take the place of a full one that is right") {
  Bench bench;
  const Wish any{.scope = Scope::any};
  Fill slow = bench.lead(1, any);
  Fill other = bench.lead(2);
  bench.admit(other, "other");
  // Somebody else asks again, and is done first.
  bench.commit(bench.a);
  CHECK(bench.store(1, "full") == Admission::stored);
  CHECK(bench.admit(slow, "behind", {.grade = Grade::weaker}) == Admission::superseded);
  CHECK(bench.read(1, any) == "full");
  // A full one replaces a weaker one.
  Fill weak = bench.lead(3, any);
  bench.admit(weak, "behind", {.grade = Grade::weaker});
  CHECK(bench.read(3) == "-");
  CHECK(bench.store(3, "full") == Admission::stored);
  CHECK(bench.read(3) == "full");
}

TEST_CASE("who asks for less keeps what a commit has overtaken, for those who ask for less") {
  Bench bench;
  const Wish bounded{.scope = Scope::bounded, .bound = seconds(1)};
  Fill fill = bench.lead(1, bounded);
  CommitTicket ticket = bench.begin(bench.a);
  CHECK(bench.admit(fill, "text") == Admission::stored_weaker);
  CHECK(bench.read(1, bounded) == "text");
  CHECK(bench.read(1) == "-");
  bench.end(ticket, Outcome::rolled_back);
  CHECK(bench.read(1) == "-");  // nobody knows what it saw
  bench.now += seconds(1);
  CHECK(bench.read(1, bounded) == "text");
  bench.now += milliseconds(1);
  CHECK(bench.read(1, bounded) == "-");
}

TEST_CASE("while one asks again, others may have what was right") {
  Bench bench;
  const Wish wish{.stale_while_filling = seconds(2)};
  bench.store(1, "old");
  bench.commit(bench.a);
  Fill fill = bench.lead(1, wish);
  CHECK(fill);
  Miss second = bench.miss(1, 1, wish);
  REQUIRE(second.entry);
  CHECK(as_text(second.entry->bytes()) == "old");
  CHECK(bench.miss(1, 2).ticket);  // who did not say so waits
  bench.now += seconds(3);
  CHECK(bench.miss(1, 3, wish).ticket);
  bench.admit(fill, "new");
  CHECK(bench.read(1) == "new");
}

}  // namespace heim::cache::test
