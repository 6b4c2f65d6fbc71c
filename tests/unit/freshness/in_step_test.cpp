#include "freshness/in_step.hpp"

#include <doctest/doctest.h>

#include "freshness/follow.hpp"

namespace heim::freshness::test {
namespace {

Instant at(int ms) { return Instant(std::chrono::milliseconds(1000 + ms)); }

Running running(std::string_view text) {
  auto parsed = Running::parse(text);
  REQUIRE(parsed);
  return *parsed;
}

Commit commit(std::uint32_t xid, std::uint64_t end) {
  Commit out;
  out.xid = xid;
  out.end = end;
  out.tables = {"t"};
  return out;
}

std::size_t visible(InStep& in_step) { return in_step.take_visible().size(); }

TEST_CASE("snapshots are read as the server prints them") {
  struct Row {
    const char* text;
    std::uint32_t xid;
    bool runs;
  };
  const Row rows[] = {
      {"10:20:12,15", 12, true},
      {"10:20:12,15", 15, true},
      {"10:20:12,15", 13, false},
      {"10:20:12,15", 9, false},
      {"10:20:12,15", 20, true},
      {"10:20:", 19, false},
      {"10:20:", 25, true},
      {"20:20:", 20, true},
      {"4294967290:4294967300:", 3, false},
      {"4294967290:4294967300:4294967298", 2, true},
      {"4294967290:4294967300:", 4, true},
      {"4294967290:4294967300:", 4294967295, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CAPTURE(row.xid);
    CHECK(running(row.text).has(row.xid) == row.runs);
  }
  for (const char* bad : {"", "1", "1:2", "1:2:x", "a:2:", "1:2:3,", "1:2:3;4", "1:2:,3"}) {
    CAPTURE(bad);
    CHECK_FALSE(Running::parse(bad));
  }
}

TEST_CASE("it is in step once the stream has got to where the server was") {
  InStep in_step;
  in_step.reached(100);
  CHECK_FALSE(in_step.begun());
  in_step.answered(at(0), 100, running("5:5:"));
  CHECK(in_step.begun());
  CHECK(in_step.known() == at(0));
  in_step.answered(at(10), 150, running("6:6:"));
  CHECK(in_step.known() == at(0));
  CHECK(in_step.waits_for_stream() == at(10));
  in_step.answered(at(20), 180, running("6:6:"));
  in_step.reached(160);
  CHECK(in_step.known() == at(10));
  CHECK(in_step.waits_for_stream() == at(20));
  in_step.committed(commit(5, 200));
  CHECK(in_step.known() == at(20));
  CHECK_FALSE(in_step.waits_for_stream());
}

TEST_CASE("a commit counts once its transaction has ended for others") {
  InStep in_step;
  in_step.reached(100);
  in_step.answered(at(0), 100, running("5:5:"));
  in_step.committed(commit(5, 150));
  CHECK(visible(in_step) == 0);  // the snapshot is older
  CHECK(in_step.waits_for_snapshot());
  in_step.answered(at(10), 150, running("5:7:5"));  // it waits for a standby
  CHECK(visible(in_step) == 0);
  in_step.committed(commit(6, 160));
  CHECK(visible(in_step) == 1);  // that one has ended in the same snapshot
  in_step.answered(at(20), 160, running("7:7:"));
  CHECK(visible(in_step) == 1);
  CHECK_FALSE(in_step.waits_for_snapshot());
}

TEST_CASE("what ran at the beginning has to end first") {
  InStep in_step;
  in_step.reached(100);
  in_step.answered(at(0), 100, running("3:9:3,7"));
  in_step.answered(at(10), 100, running("7:10:7"));
  CHECK_FALSE(in_step.begun());
  CHECK(in_step.known() == Instant{});
  in_step.answered(at(20), 100, running("10:11:10"));
  CHECK(in_step.begun());
  CHECK(in_step.known() == at(20));
}

TEST_CASE("a lease ends by itself, and another is granted") {
  Follow follow({.lag = std::chrono::milliseconds(100), .bypass = true, .databases = 8});
  int woken = 0;
  follow.connect([&] { ++woken; });
  CHECK_FALSE(follow.allows(3, "app", at(0)));
  CHECK_FALSE(follow.allows(3, "app", at(0)));
  CHECK(woken == 1);
  const auto wanted = follow.take_wanted();
  REQUIRE(wanted.size() == 1);
  CHECK(wanted[0].name == "app");
  CHECK(follow.take_wanted().empty());

  follow.in_step(3, at(20), at(10));  // the older one counts
  CHECK(follow.allows(3, "app", at(109)));
  CHECK_FALSE(follow.allows(3, "app", at(110)));
  CHECK(follow.rows(at(109))[0].followed);
  CHECK(follow.rows(at(110))[0].reason == "more than follow_lag behind");
  CHECK(follow.rows(at(110))[0].rows == std::chrono::milliseconds(90));

  follow.in_step(3, at(200), at(200));
  follow.lose(3, "it is gone");
  CHECK_FALSE(follow.allows(3, "app", at(201)));
  CHECK(follow.rows(at(201))[0].reason == "it is gone");
}

TEST_CASE("without a lease the ttl may be enough") {
  Follow follow({.bypass = false, .databases = 8});
  follow.connect([] {});
  CHECK(follow.allows(3, "app", at(0)));
  CHECK(follow.take_wanted().size() == 1);
  follow.lose(3, "gone");
  CHECK(follow.allows(3, "app", at(0)));
}

TEST_CASE("a commit that was heard of moves the version, and asks standbys for its position") {
  Ledger ledger;
  const DatabaseId db = ledger.database("app");
  const TableId table = ledger.intern(db, "t");
  ledger.sample_done(ledger.sample_begins(), 100);
  const std::uint64_t before = ledger.version(table);
  ledger.heard({&table, 1}, 500, at(0));
  CHECK(ledger.version(table) == before + 1);
  CHECK_FALSE(ledger.in_flight(table));
  const TableId reads[] = {ledger.everything(db), table};
  CHECK(ledger.required(reads, {}, at(1)).lsn == 500);
  CHECK_FALSE(ledger.required(reads, {}, at(1)).primary_only);
  ledger.heard({&table, 1}, 300, at(2));  // an older one
  CHECK(ledger.required(reads, {}, at(3)).lsn == 500);
  ledger.timeline_switched(200);
  CHECK(ledger.required(reads, {}, at(4)).lsn == 200);
}

}  // namespace
}  // namespace heim::freshness::test
