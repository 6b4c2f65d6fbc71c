// What a stamp covers, and who makes one: each rule by itself.
#include "fleet/horizon.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "hall.hpp"

using namespace heim;
using namespace heim::fleet;
using namespace heim::fleet::test;
using namespace std::chrono_literals;
using freshness::Outcome;

namespace {

constexpr MemberId reader = 1, writer = 2, third = 3;
constexpr std::uint64_t run = 10;
constexpr freshness::TableId table = 7, other = 8;
constexpr freshness::TableId lookup[] = {table, 0};

freshness::WriteSet set_of(freshness::TableId id) {
  freshness::WriteSet set;
  set.add(id);
  return set;
}

/// The reader, in a fleet of three: it has sent five messages, and heard seven of each other one.
struct There : Horizon {
  There() {
    join(reader, run);
    made(5);
    heard(writer, run, 7);
    heard(third, run, 7);
  }
  bool covers(std::uint64_t of_reader, std::uint64_t of_writer, std::uint64_t of_third) const {
    return Horizon::covers(
        {{reader, run, of_reader}, {writer, run, of_writer}, {third, run, of_third}}, lookup);
  }
};

}  // namespace

TEST_CASE("a stamp says what was heard, and what was made oneself") {
  There there;
  Stamp stamp = there.stamp();
  std::ranges::sort(stamp, {}, &Message::Heard::member);
  CHECK(stamp == Stamp{{reader, run, 5}, {writer, run, 7}, {third, run, 7}});
  CHECK(static_cast<Horizon&>(there).covers(stamp, lookup));
}

TEST_CASE("where nothing was written, all will do who are there") {
  There there;
  CHECK(there.covers(1, 1, 1));
  CHECK(!there.covers(0, 1, 1));  // it has not heard that we are there
  CHECK(!there.covers(1, 1, 0));
  CHECK(!static_cast<Horizon&>(there).covers({{reader, run, 1}, {writer, run, 1}}, lookup));
  CHECK(!static_cast<Horizon&>(there).covers({}, lookup));
}

TEST_CASE("a write of another member has to be known to who asked the database") {
  There there;
  there.wrote(third, 8, set_of(table));
  CHECK(!there.covers(5, 9, 7));
  CHECK(there.covers(5, 1, 8));
  there.wrote(third, 9, set_of(other));
  CHECK(there.covers(5, 1, 8));
  there.wrote(third, 10, set_of(0));  // everything
  CHECK(!there.covers(5, 1, 9));
  CHECK(there.covers(5, 1, 10));
  there.wrote(writer, 4, set_of(table));
  CHECK(!there.covers(5, 3, 10));
  CHECK(there.covers(5, 4, 10));
}

TEST_CASE("a write of our own goes with the next message") {
  There there;
  there.wrote_here(lookup);
  CHECK(!there.covers(5, 7, 7));
  there.made(6);
  CHECK(!there.covers(5, 7, 7));
  CHECK(there.covers(6, 7, 7));
  there.made(7);
  CHECK(there.covers(6, 7, 7));
}

TEST_CASE("numbers of another run are none") {
  There there;
  const auto covers = [&](const Message::Heard& of_writer) {
    const Stamp stamp = {{reader, run, 9}, of_writer, {third, run, 9}};
    return static_cast<Horizon&>(there).covers(stamp, lookup);
  };
  CHECK(covers({writer, run, 1}));
  CHECK(!covers({writer, run + 1, 1}));
  CHECK(!covers({writer, run - 1, 9}));
  there.gone(writer);  // it joins anew
  there.heard(writer, run + 1, 1);
  CHECK(!covers({writer, run, 9}));
  CHECK(covers({writer, run + 1, 1}));
}

TEST_CASE("what is forgotten asks for the next message, from all") {
  for (const bool leaves : {false, true}) {
    There there;
    there.wrote(third, 8, set_of(table));
    leaves ? there.gone(third) : there.raise();
    CHECK(!there.covers(5, 9, 9));
    CHECK(there.covers(6, 1, 1));
    there.wrote_here(lookup);  // with that same message
    CHECK(there.covers(6, 1, 1));
  }
  There there;
  there.join(reader, run + 1);
  CHECK(!there.covers(9, 9, 9));
  CHECK(static_cast<Horizon&>(there).covers({{reader, run + 1, 1}}, lookup));
}

TEST_CASE("more tables than are told are all of them") {
  There there;
  freshness::WriteSet many;
  for (freshness::TableId id = 100; id < 200; ++id) many.add(id);
  there.wrote(third, 8, many);
  CHECK(!there.covers(5, 9, 9));
  CHECK(there.covers(6, 1, 1));
}

// ---- in a fleet

TEST_CASE("a stamp is made by who knows what is in flight elsewhere, since before it was there") {
  Pair pair;
  freshness::CommitTicket flies = pair.one.begin();
  pair.hall.pass(20ms);
  Proxy three(pair.hall, "three", 3000);
  pair.one.hears = false;  // nor will it repeat what it said, therefore
  pair.hall.enter(three);
  pair.hall.pass(20ms);
  CHECK(!three.ledger.in_flight(three.table));
  CHECK(!three.fleet.stamp());
  CHECK(pair.two.fleet.stamp());
  pair.one.hears = true;
  pair.hall.enter(pair.one);
  pair.hall.pass(20ms);
  CHECK(three.ledger.in_flight(three.table));
  const freshness::TableId tables[] = {pair.two.table};
  REQUIRE(three.fleet.stamp());
  CHECK(pair.two.fleet.covers(*three.fleet.stamp(), tables));
  pair.one.ledger.end_commit(flies, Outcome::committed, now);
}

TEST_CASE("who is out of step takes nothing, and stamps nothing") {
  Pair pair;
  const freshness::TableId tables[] = {pair.two.table};
  const auto stamp = pair.one.fleet.stamp();
  REQUIRE(stamp);
  CHECK(pair.two.fleet.covers(*stamp, tables));
  pair.two.hears = false;
  pair.hall.pass(600ms);
  CHECK(!pair.two.fleet.covers(*stamp, tables));
  CHECK(!pair.two.fleet.stamp());
  pair.two.hears = true;
  pair.hall.enter(pair.two);
  pair.hall.pass(20ms);
  CHECK(!pair.two.fleet.covers(*stamp, tables));  // it was made before
  CHECK(pair.two.fleet.covers(*pair.one.fleet.stamp(), tables));
}

TEST_CASE("what was written by who has left is known to all who heard that it left") {
  Pair pair;
  Proxy three(pair.hall, "three", 3000);
  pair.hall.enter(three);
  pair.hall.pass(50ms);
  const freshness::TableId tables[] = {pair.two.table};
  const auto before = pair.one.fleet.stamp();
  REQUIRE(before);
  CHECK(pair.two.fleet.covers(*before, tables));
  freshness::CommitTicket ticket = three.begin();
  pair.hall.pass(1ms);
  three.ledger.end_commit(ticket, Outcome::committed, now);
  pair.hall.pass(1ms);
  CHECK(!pair.two.fleet.covers(*before, tables));
  CHECK(pair.two.fleet.covers(*pair.one.fleet.stamp(), tables));
  three.fleet.say_goodbye(now);
  pair.hall.settle();
  CHECK(!pair.two.fleet.covers(*before, tables));
  pair.hall.cut(three);
  pair.hall.pass(20ms);
  CHECK(!pair.two.fleet.covers(*before, tables));
  CHECK(pair.two.fleet.covers(*pair.one.fleet.stamp(), tables));
}
