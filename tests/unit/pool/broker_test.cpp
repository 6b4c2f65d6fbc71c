// The waiting line and the limits, without a server in sight.
#include "pool/broker.hpp"

#include <doctest/doctest.h>

#include <chrono>

using namespace heim;
using namespace heim::pool;

namespace {

struct Line {
  explicit Line(std::uint32_t size) : record(broker.record({"db", "app", 0}, limits(size))) {}
  static Limits limits(std::uint32_t size) {
    Limits made;
    made.size = size;
    return made;
  }
  Joined join(Ticket& ticket, SessionId session, bool wants_new = false) {
    ticket.session = session;
    ticket.wants_new = wants_new;
    return broker.join(record, ticket);
  }
  SessionId offer(bool is_new = false) {
    const auto winner = broker.offer(record, is_new);
    return winner ? winner->session : 0;
  }
  Broker broker{2};
  Record& record;
};

}  // namespace

TEST_CASE("first come, first served; a slot for each up to the limit") {
  Line line(2);
  Ticket a, b, c;
  CHECK(line.join(a, 1).open);
  CHECK(line.join(b, 2).open);
  CHECK_FALSE(line.join(c, 3).open);
  CHECK(line.record.waiters == 3);
  CHECK(line.offer() == 1);
  CHECK(line.broker.leave(line.record, b));
  CHECK_FALSE(line.broker.leave(line.record, b));
  CHECK(line.offer() == 3);
  CHECK(line.offer() == 0);
  CHECK(line.record.waiters == 0);
}

TEST_CASE("who comes from another line has waited there") {
  Line line(1);
  std::vector<Ticket> tickets(4);
  const std::chrono::seconds since[] = {std::chrono::seconds(5), std::chrono::seconds(7),
                                        std::chrono::seconds(6), std::chrono::seconds(4)};
  for (std::size_t i = 0; i < tickets.size(); ++i) {
    tickets[i].since = Instant{} + since[i];
    line.join(tickets[i], i + 1);
  }
  for (const SessionId next : {4, 1, 3, 2}) CHECK(line.offer() == next);
  CHECK(line.offer() == 0);
}

TEST_CASE("an idle connection of another worker comes before a new one") {
  Line line(2);
  line.record.idle[1].value = 1;
  Ticket a, b;
  CHECK(line.join(a, 1).wake_idle);
  CHECK(line.record.servers == 0);
  SUBCASE("but not for who wants a new one") {
    const Joined joined = line.join(b, 2, true);
    CHECK(joined.open);
    CHECK_FALSE(joined.wake_idle);
  }
}

TEST_CASE("who wants a new connection gets that, and holds up nobody else") {
  Line line(3);
  Ticket a, b, c;
  line.join(a, 1, true);
  CHECK(line.record.waiters == 0);
  CHECK(line.offer() == 0);
  line.join(b, 2);
  CHECK(line.offer() == 2);
  line.join(c, 3);
  CHECK(line.offer(true) == 1);
  CHECK(line.offer(true) == 3);
  CHECK(line.record.want_new == 0);
}

TEST_CASE("where there is no room for a new connection, any will do") {
  Line line(1);
  REQUIRE(line.broker.reserve_slot(line.record));
  line.broker.opened(line.record);
  Ticket a, b;
  line.join(a, 1, true);
  CHECK(line.offer() == 1);
  SUBCASE("also where there was room when it joined") {
    line.broker.closed(line.record, false);
    CHECK(line.join(b, 2, true).open);
    line.broker.closed(line.record, true);  // it could not be opened
    REQUIRE(line.broker.force_slot(line.record));
    line.broker.opened(line.record);
    CHECK(line.offer() == 0);
    CHECK_FALSE(line.broker.reconsider(line.record, Instant{}));
    CHECK(line.record.waiters == 1);
    CHECK(line.offer() == 2);
  }
}

TEST_CASE("a slot that is free again goes to who waits, after a failure only when asked for") {
  Line line(1);
  Ticket a, b;
  CHECK(line.join(a, 1).open);
  CHECK_FALSE(line.join(b, 2).open);
  line.broker.opened(line.record);
  CHECK(line.offer(true) == 1);
  CHECK(line.broker.closed(line.record, false).has_value());
  CHECK_FALSE(line.broker.closed(line.record, true).has_value());
  CHECK(line.broker.reconsider(line.record, Instant{}).has_value());
}

TEST_CASE("a node that is back: a few connections at a time, for who waited longest in any pool") {
  Broker broker(1);
  Limits limits;
  limits.size = 10;
  Record& one = broker.record({"db", "a", 0}, limits);
  Record& two = broker.record({"db", "b", 0}, limits);
  Record& elsewhere = broker.record({"db", "a", 1}, limits);
  broker.set_can_open(one, false);
  broker.set_can_open(two, false);
  std::vector<Ticket> tickets(5);
  for (std::size_t i = 0; i < tickets.size(); ++i) {
    tickets[i].since = Instant{} + std::chrono::seconds(10 - i);  // those of `two` came first
    CHECK_FALSE(broker.join(i < 2 ? one : two, tickets[i]).open);
  }
  broker.set_can_open(one, true);
  broker.set_can_open(two, true);
  broker.ease(0, 1);
  const Instant now = Instant{} + std::chrono::seconds(20);
  REQUIRE(broker.reconsider(one, now).has_value());
  CHECK_FALSE(broker.reconsider(one, now).has_value());
  CHECK_FALSE(broker.reconsider(two, now).has_value());
  Ticket other;
  CHECK(broker.join(elsewhere, other).open);
  CHECK_FALSE(broker.has_open(one));
  auto next = broker.opened(one);
  CHECK(broker.has_open(one));
  REQUIRE(next.has_value());
  CHECK(next->record == &two);
  CHECK_FALSE(broker.reconsider(two, now).has_value());
  // One that fails makes room, too; nobody is ordered to hammer the node.
  CHECK_FALSE(broker.closed(two, true).has_value());
  REQUIRE(broker.reconsider(two, now).has_value());
  for (std::size_t i = 0; i < tickets.size(); ++i) broker.leave(i < 2 ? one : two, tickets[i]);
  // Nobody is in line any more: that was it.
  CHECK_FALSE(broker.opened(two).has_value());
  CHECK(broker.join(one, tickets[0]).open);
  CHECK(broker.join(two, tickets[1]).open);
  CHECK(broker.join(two, tickets[2]).open);
}

TEST_CASE("the reserve is for those who waited long enough") {
  Line line(1);
  line.broker.record({"db", "app", 0}, [] {
    Limits made = Line::limits(1);
    made.reserve = 1;
    made.reserve_after = std::chrono::seconds(5);
    return made;
  }());
  REQUIRE(line.broker.reserve_slot(line.record));
  line.broker.opened(line.record);
  Ticket a;
  a.since = Instant{} + std::chrono::seconds(10);
  CHECK_FALSE(line.join(a, 1).open);
  CHECK_FALSE(line.broker.reconsider(line.record, a.since + std::chrono::seconds(4)).has_value());
  CHECK(line.broker.reconsider(line.record, a.since + std::chrono::seconds(5)).has_value());
}

TEST_CASE("limits of a database and of a user go over all their pools") {
  Broker broker(1);
  Limits limits;
  limits.database = 1;
  Record& one = broker.record({"db", "a", 0}, limits);
  Record& two = broker.record({"db", "b", 0}, limits);
  Ticket a, b;
  a.session = 1;
  b.session = 2;
  CHECK(broker.join(one, a).open);
  const Joined joined = broker.join(two, b);
  CHECK_FALSE(joined.open);
  CHECK(joined.evict);
  CHECK(broker.hemmed_in(two));
  broker.opened(one);
  const auto order = broker.closed(one, false);
  REQUIRE(order);
  CHECK(order->record == &one);  // who waits there came first
}
