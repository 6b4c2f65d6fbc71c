// One asks, the others wait: what they are told, and that nobody is forgotten.
#include <doctest/doctest.h>

#include "fixture.hpp"

namespace heim::cache::test {
namespace {

/// So many that wait behind a fill of key 1; tokens from 1.
struct Line : Bench {
  explicit Line(std::uint64_t waiting) {
    fill = lead(1);
    for (std::uint64_t i = 1; i <= waiting; ++i) tickets.push_back(miss(1, i).ticket);
  }
  Fill fill;
  std::vector<Ticket> tickets;  // of token i + 1
  Miss turn(std::uint64_t token) { return miss(1, token, {}, std::move(tickets[token - 1])); }
  std::size_t rung() const { return bell.rings.size(); }
};

}  // namespace

TEST_CASE("a thousand wait for one, and find it") {
  Line line(1'000);
  CHECK(line.cache.stats().waiting == 1'000);
  CHECK(line.rung() == 0);
  CHECK(line.admit(line.fill, "once") == Admission::stored);
  CHECK(line.bell.count(Wake::look) == 1'000);
  CHECK(line.read(1) == "once");
  CHECK(line.cache.stats().waiting == 0);
  CHECK(line.cache.stats().flights == 0);
  CHECK(line.cache.stats().misses == 1'001);
}

TEST_CASE("a leader that is gone has a successor, the first in line") {
  Line line(3);
  line.fill.abandon();
  CHECK(line.bell.rings == std::vector<Bell::Ring>{{1, Wake::lead}});
  // Who comes new does not overtake.
  CHECK(line.miss(1, 9).ticket);
  Miss next = line.turn(1);
  REQUIRE(next.fill);
  CHECK(line.admit(next.fill, "text") == Admission::stored);
  CHECK(line.rung() == 3);  // the newcomer gave its place up
}

TEST_CASE("a successor that does not come, either") {
  Line line(3);
  line.fill = {};
  line.tickets[0].withdraw();
  CHECK(line.bell.rings == std::vector<Bell::Ring>{{1, Wake::lead}, {2, Wake::lead}});
  CHECK(line.turn(2).fill);  // and is gone at once
  CHECK(line.rung() == 3);
  CHECK(line.bell.rings.back() == Bell::Ring{3, Wake::lead});
  line.tickets[2] = {};
  CHECK(line.cache.stats().flights == 0);
  CHECK(line.lead(1));
}

TEST_CASE("who withdraws is not woken") {
  Line line(3);
  line.tickets[1].withdraw();
  CHECK(line.cache.stats().waiting == 2);
  line.admit(line.fill, "text");
  CHECK(line.bell.rings == std::vector<Bell::Ring>{{1, Wake::look}, {3, Wake::look}});
  line.tickets[0].withdraw();  // too late, and harmless
  CHECK(line.rung() == 2);
}

TEST_CASE("what cannot be kept is nothing to wait for") {
  for (const Admission why : {Admission::given_up, Admission::too_large}) {
    Line line(5);
    line.fill.give_up(why, line.now);
    CHECK(line.bell.count(Wake::alone) == 5);
    CHECK(line.cache.stats().flights == 0);
    CHECK(line.admitted(why) == 1);
  }
}

TEST_CASE("nothing can be kept for long: a thousand are through in ten rounds") {
  Line line(1'000);
  CommitTicket open = line.begin(line.a);  // from here on, every answer is refused
  Fill fill = line.lead(1);                // takes over: the first one's answer will not do
  CHECK(line.admit(line.fill, "old") == Admission::superseded);
  CHECK(line.rung() == 0);
  int rounds = 0;
  for (std::size_t seen = 0; fill; ++rounds) {
    CHECK(line.admit(fill, "new") == Admission::in_flight);
    const auto rings = line.bell.rings;
    for (; seen < rings.size(); ++seen) {
      if (rings[seen].why == Wake::lead) fill = std::move(line.turn(rings[seen].token).fill);
    }
    // Who comes late does not join what goes nowhere.
    if (rounds == 8)
      CHECK(line.miss(1, 2'000).reason == "others wait, and nothing could be kept lately");
  }
  CHECK(rounds <= 11);
  CHECK(line.rung() == 1'000);
  CHECK(line.cache.stats().flights == 0);
  line.end(open);
}

TEST_CASE("a commit that came in between does not cost those who wait a round") {
  Line line(2);
  line.commit(line.a);
  Fill second = line.lead(1);
  REQUIRE(second);
  CHECK(line.admit(second, "new") == Admission::stored);
  CHECK(line.bell.count(Wake::look) == 2);
  CHECK(line.admit(line.fill, "old") == Admission::superseded);
  CHECK(line.read(1) == "new");
}

TEST_CASE("without a waiter nobody waits") {
  Line line(0);
  const Miss miss = line.cache.miss(line.lookup(1), nullptr, 0, line.now);
  CHECK_FALSE(miss.ticket);
  CHECK(miss.reason == "another one asks the same already");
}

TEST_CASE("somebody stored it between the two calls") {
  Bench bench;
  CHECK(bench.read(1) == "-");
  bench.store(1, "text");
  Miss miss = bench.miss(1);
  REQUIRE(miss.entry);
  CHECK_FALSE(miss.fill);
  CHECK(bench.cache.stats().hits == 1);
}

}  // namespace heim::cache::test
