// Two or three proxies and a channel that does at once what it is told: each rule by itself.
#include <doctest/doctest.h>

#include "hall.hpp"

using namespace heim;
using namespace heim::fleet;
using namespace heim::fleet::test;
using namespace std::chrono_literals;
using freshness::Outcome;

TEST_CASE("trust is there when all have been heard, and lapses with silence") {
  Hall hall;
  Proxy one(hall, "one", 1000), two(hall, "two", 2000);
  CHECK(!one.trusts());
  hall.enter(one);
  CHECK(one.trusts());
  two.speaks = false;
  hall.enter(two);
  CHECK(one.trusts());  // of whom nothing came
  CHECK(!two.trusts());
  two.speaks = true;
  hall.enter(two);
  hall.pass(50ms);
  CHECK(one.trusts());
  CHECK(two.trusts());
  CHECK(one.fleet.status(now).lag <= 20ms);
  CHECK(one.fleet.status(now).trouble.empty());
  two.speaks = false;
  hall.pass(600ms);
  CHECK(!one.trusts());
  CHECK(one.fleet.status(now).trouble == "waits for two");
  CHECK(!two.trusts());
  CHECK(two.fleet.status(now).trouble == "waits for Redis");
}

TEST_CASE("a commit is in flight everywhere, and ends everywhere") {
  struct Case {
    Outcome outcome;
    std::uint64_t versions;
    bool in_flight;
  };
  for (const Case& each : {Case{Outcome::committed, 2, false}, Case{Outcome::rolled_back, 1, false},
                           Case{Outcome::unknown, 1, true}}) {
    Pair pair;
    freshness::CommitTicket ticket = pair.one.begin();
    CHECK(!pair.two.ledger.in_flight(pair.two.table));
    pair.hall.pass(1ms);
    CHECK(pair.two.ledger.in_flight(pair.two.table));
    CHECK(pair.two.ledger.version(pair.two.table) == 1);
    pair.one.ledger.end_commit(ticket, each.outcome, now);
    pair.hall.pass(1ms);
    CHECK(pair.two.ledger.in_flight(pair.two.table) == each.in_flight);
    CHECK(pair.two.ledger.version(pair.two.table) == each.versions);
    CHECK(pair.one.ledger.version(pair.one.table) == each.versions);  // not told to itself
    CHECK(pair.two.forgotten == 0);
  }
}

TEST_CASE("a commit of more tables than fit writes the whole database, and what is beside it") {
  Pair pair;
  freshness::WriteSet set;
  set.add(freshness::Ledger::server_wide);
  set.add(pair.one.ledger.group("g"));
  for (int i = 0; i < 40; ++i) set.add(pair.one.ledger.find("shop", "t" + std::to_string(i)));
  freshness::CommitTicket ticket =
      pair.one.ledger.begin_commit(pair.one.ledger.database("shop"), set);
  pair.hall.pass(1ms);
  freshness::Ledger& there = pair.two.ledger;
  CHECK(there.in_flight(there.everything(there.database("shop"))));
  CHECK(there.in_flight(freshness::Ledger::server_wide));
  CHECK(there.in_flight(there.group("g")));
  pair.one.ledger.end_commit(ticket, Outcome::committed, now);
  pair.hall.pass(1ms);
  CHECK(!there.in_flight(there.everything(there.database("shop"))));
}

TEST_CASE("who comes back knows what is in flight, and what ended meanwhile") {
  Pair pair;
  freshness::CommitTicket ends = pair.one.begin();
  pair.hall.pass(1ms);
  pair.hall.cut(pair.two);
  CHECK(!pair.two.trusts());
  pair.one.ledger.end_commit(ends, Outcome::committed, now);
  pair.hall.pass(10ms);
  SUBCASE("ended") {
    pair.hall.enter(pair.two);
    pair.hall.pass(20ms);
    CHECK(!pair.two.ledger.in_flight(pair.two.table));
    CHECK(pair.two.ledger.version(pair.two.table) == 2);
  }
  SUBCASE("begun") {
    freshness::CommitTicket begun = pair.one.begin();
    pair.hall.pass(10ms);
    pair.hall.enter(pair.two);
    pair.hall.pass(20ms);
    CHECK(pair.two.ledger.in_flight(pair.two.table));
    pair.one.ledger.end_commit(begun, Outcome::committed, now);
    pair.hall.pass(10ms);
    CHECK(!pair.two.ledger.in_flight(pair.two.table));
  }
  CHECK(pair.two.forgotten == 1);
  CHECK(pair.one.forgotten == 0);
  CHECK(pair.two.trusts());
}

TEST_CASE("who has committed without telling makes all void") {
  Pair pair;
  pair.hall.cut(pair.two);
  SUBCASE("it has") {
    freshness::CommitTicket ticket = pair.two.begin();
    pair.two.ledger.end_commit(ticket, Outcome::committed, now);
    pair.two.fleet.step(now);
    pair.hall.enter(pair.two);
    CHECK(pair.one.forgotten == 1);
  }
  SUBCASE("it has not") {
    pair.hall.enter(pair.two);
    CHECK(pair.one.forgotten == 0);
  }
}

TEST_CASE("a statement whose answers are void is told to the others") {
  const Hash128 query{1, 2};
  Pair pair;
  SUBCASE("at once, and no stamp of before will do") {
    const auto before = pair.two.fleet.stamp();
    REQUIRE(before);
    pair.one.fleet.invalidate(query);
    CHECK(pair.one.wakes > 0);
    CHECK(!pair.one.fleet.covers(*before, {}));
    pair.one.fleet.step(now);
    pair.hall.settle();
    CHECK(pair.two.void_queries == std::vector{query});
    CHECK(pair.one.void_queries.empty());
    CHECK(pair.two.forgotten == 0);
    CHECK(!pair.two.fleet.covers(*before, {}));
    pair.hall.pass(std::chrono::milliseconds(50));
    CHECK(pair.one.fleet.covers(*pair.two.fleet.stamp(), {}));
    CHECK(pair.two.fleet.covers(*pair.one.fleet.stamp(), {}));
  }
  SUBCASE("whom nobody hears makes all void, later") {
    pair.hall.cut(pair.one);
    pair.one.fleet.invalidate(query);
    pair.one.fleet.step(now);
    pair.hall.enter(pair.one);
    CHECK(pair.two.forgotten == 1);
  }
  SUBCASE("whose last words were lost, too") {
    pair.one.speaks = false;
    pair.one.fleet.invalidate(query);
    pair.one.fleet.step(now);
    pair.hall.cut(pair.one);
    pair.one.speaks = true;
    pair.hall.enter(pair.one);
    CHECK(pair.two.forgotten == 1);
  }
}

TEST_CASE("what a process had in flight that is gone stays in flight for a while") {
  Pair pair;
  const freshness::CommitTicket ticket = pair.two.begin();
  CHECK(ticket.active());
  pair.hall.pass(1ms);
  pair.hall.cut(pair.two);
  SUBCASE("it is replaced") {
    Proxy again(pair.hall, "two", 3000);
    pair.hall.enter(again);
    pair.hall.pass(20ms);
    CHECK(pair.one.forgotten == 1);
    CHECK(pair.one.trusts());
    CHECK(pair.one.ledger.in_flight(pair.one.table));
    pair.hall.inside.pop_back();
  }
  SUBCASE("it is silent") { pair.hall.pass(11s); }
  CHECK(pair.one.ledger.in_flight(pair.one.table));
  pair.one.ledger.tick(now + 61s);
  CHECK(!pair.one.ledger.in_flight(pair.one.table));
  CHECK(pair.one.ledger.version(pair.one.table) == 2);
}

TEST_CASE("who is waited for, and for how long") {
  Hall hall;
  SUBCASE("for ever") {
    Proxy one(hall, "one", 1000), two(hall, "two", 2000);
    hall.enter(one), hall.enter(two);
    hall.cut(two);
    hall.pass(1h);
    CHECK(!one.trusts());
    Proxy three(hall, "three", 3000);
    hall.enter(three);
    hall.pass(50ms);
    CHECK(!three.trusts());  // it is listed
  }
  SUBCASE("until it is forgotten") {
    Proxy one(hall, "one", 1000, 30s), two(hall, "two", 2000);
    hall.enter(one), hall.enter(two);
    hall.cut(two);
    hall.pass(29s);
    CHECK(!one.trusts());
    hall.pass(2s);
    CHECK(one.trusts());
    CHECK(!hall.list.contains("two"));
  }
  SUBCASE("not for one that said goodbye") {
    Proxy one(hall, "one", 1000), two(hall, "two", 2000);
    hall.enter(one), hall.enter(two);
    two.fleet.say_goodbye(now);
    hall.settle();
    hall.cut(two);
    hall.pass(1s);
    CHECK(one.trusts());
    CHECK(!hall.list.contains("two"));
  }
  SUBCASE("for those who may not be on a new list yet") {
    Proxy one(hall, "one", 1000);
    hall.enter(one, true, 5s);
    hall.pass(4900ms);
    CHECK(!one.trusts());
    hall.pass(200ms);
    CHECK(one.trusts());
  }
  SUBCASE("one that is not on the list any more, if that is believed") {
    Proxy one(hall, "one", 1000), two(hall, "two", 2000);
    hall.enter(one), hall.enter(two);
    hall.cut(one), hall.cut(two);
    hall.list.clear();
    hall.enter(one, false);
    hall.pass(50ms);
    CHECK(!one.trusts());
    hall.cut(one);
    hall.enter(one, true);
    hall.pass(50ms);
    CHECK(one.trusts());
  }
}

TEST_CASE("strict: a commit waits until all know of it, or trust nothing") {
  Hall hall;
  Proxy one(hall, "one", 1000, 0s, true), two(hall, "two", 2000, 0s, true);
  SUBCASE("all know") {
    hall.enter(one), hall.enter(two);
    hall.pass(50ms);
    two.hears = false;
    freshness::CommitTicket ticket = one.begin();
    CHECK(one.cover.waits(ticket.told(), 7));
    CHECK(!one.cover.waits(ticket.told() - 1, 8));
    one.fleet.step(now);
    two.hears = true;
    CHECK(one.woken.empty());
    hall.settle();
    two.fleet.step(now);  // it was asked to say so at once
    hall.settle();
    CHECK(one.woken == std::vector<std::uint64_t>{7});
    CHECK(!one.cover.waits(ticket.told(), 9));
    CHECK(two.ledger.in_flight(two.table));
    one.ledger.end_commit(ticket, Outcome::committed, now);
  }
  SUBCASE("one is gone: the first waits, and only that") {
    hall.enter(one), hall.enter(two);
    hall.pass(50ms);
    hall.cut(two);
    const freshness::CommitTicket first = one.begin();
    hall.pass(400ms);
    CHECK(one.cover.waits(first.told(), 1));
    hall.pass(200ms);
    CHECK(!one.cover.waits(first.told(), 2));
    const freshness::CommitTicket second = one.begin();
    one.fleet.step(now);
    CHECK(!one.cover.waits(second.told(), 3));
  }
  SUBCASE("it is cut off itself") {
    hall.enter(one), hall.enter(two);
    hall.pass(50ms);
    hall.cut(one);
    const freshness::CommitTicket ticket = one.begin();
    one.fleet.step(now += 400ms);
    CHECK(one.cover.waits(ticket.told(), 1));
    one.fleet.step(now += 200ms);
    CHECK(!one.cover.waits(ticket.told(), 2));
  }
  SUBCASE("it has just started: somebody may trust one of its name") {
    const freshness::CommitTicket ticket = one.begin();
    one.fleet.step(now += 400ms);
    CHECK(one.cover.waits(ticket.told(), 1));
    one.fleet.step(now += 200ms);
    CHECK(!one.cover.waits(ticket.told(), 2));
  }
}

TEST_CASE(
    "push: a change of objects is sent once all know of it: its proxy may be killed meanwhile") {
  Pair pair;
  pair.two.hears = false;
  const freshness::CommitTicket ticket = pair.one.begin_change();
  CHECK(pair.one.cover.waits(ticket.told(), 7));
  pair.one.fleet.step(now);
  CHECK(pair.one.woken.empty());
  pair.two.hears = true;
  pair.hall.settle();
  pair.two.fleet.step(now);  // it was asked to say so at once
  pair.hall.settle();
  CHECK(pair.one.woken == std::vector<std::uint64_t>{7});
  pair.hall.cut(pair.one);
  Proxy again(pair.hall, "one", 3000);
  pair.hall.enter(again);
  pair.hall.pass(50ms);
  CHECK(pair.two.changing["shop"] == 1);  // the server may be at it yet
  CHECK(pair.two.ledger.in_flight(pair.two.everything()));
}

TEST_CASE("a change of objects: nobody reads a catalog while it is under way") {
  Pair pair;
  freshness::CommitTicket ticket = pair.one.begin_change();
  pair.hall.pass(1ms);
  CHECK(pair.two.changing["shop"] == 1);
  CHECK(pair.two.ledger.in_flight(pair.two.everything()));
  SUBCASE("it ends") {
    for (const Outcome outcome : {Outcome::committed, Outcome::rolled_back}) {
      if (outcome == Outcome::rolled_back) ticket = pair.one.begin_change();
      pair.one.ledger.end_commit(ticket, outcome, now);
      pair.hall.pass(100ms);
      CHECK(pair.two.changing["shop"] == 0);
      CHECK(!pair.two.ledger.in_flight(pair.two.everything()));
      CHECK(!pair.one.ledger.in_flight(pair.one.everything()));
    }
    CHECK(pair.two.changes == 2);
  }
  SUBCASE("its end is not known: it may come for a while yet") {
    pair.one.ledger.end_commit(ticket, Outcome::unknown, now);
    pair.hall.pass(59s, 600);
    CHECK(pair.two.changing["shop"] == 1);
    CHECK(pair.one.changing["shop"] == 1);
    pair.hall.pass(2s, 100);
    CHECK(pair.two.changing["shop"] == 0);
    CHECK(pair.one.changing["shop"] == 0);
  }
  SUBCASE("who joins hears of it") {
    Proxy three(pair.hall, "three", 3000);
    pair.hall.enter(three);
    pair.hall.pass(20ms);
    CHECK(three.changing["shop"] == 1);
    pair.one.ledger.end_commit(ticket, Outcome::committed, now);
    pair.hall.pass(20ms);
    CHECK(three.changing["shop"] == 0);
    pair.hall.inside.pop_back();
  }
  SUBCASE("its end was not heard") {
    pair.hall.cut(pair.two);
    pair.one.ledger.end_commit(ticket, Outcome::committed, now);
    pair.hall.pass(10ms);
    CHECK(pair.two.changing["shop"] == 1);
    pair.hall.enter(pair.two);
    pair.hall.pass(20ms);
    CHECK(pair.two.changing["shop"] == 0);
    CHECK(pair.two.forgotten == 1);
  }
}

TEST_CASE("a change of objects stays in flight until all have heard of its end, or for a lease") {
  Pair pair;
  Proxy three(pair.hall, "three", 3000);
  pair.hall.enter(three);
  pair.hall.pass(50ms);
  freshness::CommitTicket ticket = pair.one.begin_change();
  pair.hall.pass(10ms);
  three.hears = false;
  pair.one.ledger.end_commit(ticket, Outcome::committed, now);
  pair.hall.pass(100ms, 20);
  for (Proxy* each : {&pair.one, &pair.two}) {
    CHECK(each->changing["shop"] == 0);
    CHECK(each->ledger.in_flight(each->everything()));
    CHECK(each->trusts());  // of what else is kept
  }
  SUBCASE("all have") {
    std::erase(pair.hall.inside, &three);
    three.fleet.say_goodbye(now);
    pair.hall.settle();
    pair.hall.pass(20ms);
  }
  SUBCASE("one never does") { pair.hall.pass(500ms, 100); }
  for (Proxy* each : {&pair.one, &pair.two}) {
    CHECK(!each->ledger.in_flight(each->everything()));
  }
  std::erase(pair.hall.inside, &three);
}

TEST_CASE("who has to forget trusts nothing before all have heard of what made it") {
  Pair pair;
  Proxy three(pair.hall, "three", 3000);
  pair.hall.enter(three);
  pair.hall.pass(50ms);
  pair.hall.cut(pair.two);
  freshness::CommitTicket untold = pair.two.begin();
  pair.two.ledger.end_commit(untold, Outcome::committed, now);
  pair.two.fleet.step(now);
  three.hears = false;
  pair.hall.enter(pair.two);
  pair.hall.pass(50ms);
  CHECK(pair.one.forgotten > 0);
  CHECK(!pair.one.trusts());
  CHECK(pair.one.fleet.status(now).trouble == "waits for three");
  std::erase(pair.hall.inside, &three);
}

TEST_CASE("messages that are missing are noticed") {
  Pair pair;
  const auto heard = pair.two.fleet.stamp();
  pair.two.hears = false;
  pair.hall.pass(40ms);
  pair.two.hears = true;
  pair.hall.pass(10ms);
  CHECK(!pair.two.losses.empty());
  // Nor does it rely on what came behind them.
  CHECK(pair.two.fleet.status(now).lag >= 50ms);
  const auto then = pair.two.fleet.stamp();
  REQUIRE(then);
  CHECK(then->back() == heard->back());
  CHECK(pair.one.losses.empty());
}

TEST_CASE("two of one name: the later one goes on, the other one says so") {
  Pair pair;
  Proxy same(pair.hall, "one", 3000);
  pair.hall.enter(same);
  pair.hall.pass(50ms);
  CHECK(!pair.one.trusts());
  CHECK(pair.one.fleet.status(now).trouble == "another proxy is called one, too");
  CHECK(same.trusts());
  // What it commits is heard all the same.
  freshness::CommitTicket ticket = pair.one.begin();
  pair.one.ledger.end_commit(ticket, Outcome::committed, now);
  pair.hall.pass(10ms);
  CHECK(pair.two.ledger.version(pair.two.table) > 0);
  CHECK(same.ledger.version(same.table) > 0);
  pair.hall.inside.pop_back();
}

TEST_CASE("what is no message is ignored") {
  Pair pair;
  pair.one.fleet.hear("hello", now);
  CHECK(pair.one.trusts());
  CHECK(pair.one.losses.empty());
}
