#include "freshness/ledger.hpp"

#include <doctest/doctest.h>

#include "freshness/heat.hpp"
#include "source.hpp"

namespace heim::freshness::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant start{seconds(1000)};

/// A ledger that knows its floor, with two tables of one database.
struct Bench {
  Ledger ledger;
  Source source;
  DatabaseId db = ledger.database("app");
  TableId a = ledger.intern(db, "a"), b = ledger.intern(db, "b");
  Instant now = start;

  Bench() {
    ledger.sample_from(&source);
    sample(100);
  }
  void sample(std::uint64_t lsn) { ledger.sample_done(ledger.sample_begins(), lsn); }
  CommitTicket begin(TableId table, SessionMark* mark = nullptr) {
    WriteSet set;
    set.add(table);
    return ledger.begin_commit(db, set, mark);
  }
  void commit(TableId table, SessionMark* mark = nullptr) {
    CommitTicket ticket = begin(table, mark);
    ledger.end_commit(ticket, Outcome::committed, now, mark);
  }
  Verdict need(TableId table, Reader reader = {}) {
    const TableId tables[] = {ledger.everything(db), table};
    return ledger.required(tables, reader, now);
  }
};

}  // namespace

TEST_CASE("until the first sample nothing is known") {
  Ledger ledger;
  Source source;
  ledger.sample_from(&source);
  CHECK(source.wanted == 1);
  const DatabaseId db = ledger.database("app");
  const TableId tables[] = {ledger.everything(db), ledger.intern(db, "a")};
  CHECK(ledger.required(tables, {}, start).primary_only);
  ledger.sample_done(ledger.sample_begins(), 7);
  const Verdict verdict = ledger.required(tables, {}, start);
  CHECK_FALSE(verdict.primary_only);
  CHECK(verdict.lsn == 7);
  CHECK(verdict.allows(7, -1));
  CHECK_FALSE(verdict.allows(6, 0));
  CHECK_FALSE(verdict.allows(0, 0));
}

TEST_CASE("a commit keeps its table on the primary until a sample that began after it") {
  Bench bench;
  CommitTicket ticket = bench.begin(bench.a);
  CHECK(bench.need(bench.a).primary_only);
  CHECK(bench.need(bench.a).reason == "a commit to the table is under way");
  CHECK(bench.need(bench.b).lsn == 100);

  const std::uint64_t early = bench.ledger.sample_begins();
  bench.ledger.end_commit(ticket, Outcome::committed, bench.now);
  CHECK(bench.need(bench.a).primary_only);
  bench.ledger.sample_done(early, 150);
  CHECK(bench.need(bench.a).primary_only);
  CHECK(bench.need(bench.a).reason == "the position of the table's last commit is not known yet");

  bench.sample(200);
  CHECK(bench.need(bench.a).lsn == 200);
  CHECK(bench.need(bench.a).table == bench.a);
  CHECK(bench.need(bench.b).lsn == 100);
}

TEST_CASE("one sample covers all tables that were written before it") {
  Bench bench;
  bench.commit(bench.a);
  bench.commit(bench.b);
  const int wanted = bench.source.wanted;
  bench.sample(200);
  CHECK(bench.source.wanted == wanted);
  CHECK(bench.need(bench.a).lsn == 200);
  CHECK(bench.need(bench.b).lsn == 200);
}

TEST_CASE("a sample is wanted once, and again by what comes behind it") {
  Bench bench;
  const int before = bench.source.wanted;
  bench.commit(bench.a);
  bench.commit(bench.a);
  CHECK(bench.source.wanted == before + 1);
  const std::uint64_t token = bench.ledger.sample_begins();
  bench.commit(bench.a);
  CHECK(bench.source.wanted == before + 2);
  bench.ledger.sample_done(token, 200);
  CHECK(bench.need(bench.a).primary_only);
  bench.ledger.sample_failed(bench.ledger.sample_begins());
  CHECK(bench.source.wanted == before + 3);
  CHECK(bench.need(bench.a).primary_only);
  bench.sample(300);
  CHECK(bench.need(bench.a).lsn == 300);
}

TEST_CASE("a rollback leaves nothing behind") {
  Bench bench;
  const std::uint64_t version = bench.ledger.version(bench.a);
  CommitTicket ticket = bench.begin(bench.a);
  CHECK(bench.ledger.in_flight(bench.a));
  CHECK(bench.ledger.version(bench.a) > version);
  bench.ledger.end_commit(ticket, Outcome::rolled_back, bench.now);
  CHECK_FALSE(bench.ledger.in_flight(bench.a));
  CHECK(bench.need(bench.a).lsn == 100);
  // A second end does nothing.
  bench.ledger.end_commit(ticket, Outcome::committed, bench.now);
  CHECK(bench.need(bench.a).lsn == 100);
}

TEST_CASE("an unknown outcome may become visible for a while") {
  Bench bench;
  CommitTicket ticket = bench.begin(bench.a);
  bench.ledger.end_commit(ticket, Outcome::unknown, bench.now);
  bench.sample(200);
  CHECK(bench.need(bench.a).primary_only);
  bench.ledger.tick(bench.now + seconds(59));
  CHECK(bench.ledger.in_flight(bench.a));
  bench.ledger.tick(bench.now + seconds(60));
  CHECK_FALSE(bench.ledger.in_flight(bench.a));
  CHECK(bench.need(bench.a).primary_only);
  bench.sample(300);
  CHECK(bench.need(bench.a).lsn == 300);
}

TEST_CASE("everything is read with every table of its database") {
  Bench bench;
  const DatabaseId other = bench.ledger.database("other");
  const TableId theirs = bench.ledger.intern(other, "a");
  bench.commit(bench.ledger.everything(bench.db));
  bench.sample(200);
  CHECK(bench.need(bench.a).lsn == 200);
  const TableId tables[] = {bench.ledger.everything(other), theirs};
  CHECK(bench.ledger.required(tables, {}, bench.now).lsn == 100);
}

TEST_CASE("a read of nobody knows what needs all tables of the database") {
  Bench bench;
  bench.commit(bench.b);
  CHECK(bench.ledger.required_everything(bench.db, {}, bench.now).primary_only);
  bench.sample(200);
  CHECK(bench.ledger.required_everything(bench.db, {}, bench.now).lsn == 200);
  const DatabaseId other = bench.ledger.database("other");
  CHECK(bench.ledger.required_everything(other, {}, bench.now).lsn == 100);
}

TEST_CASE("more tables than a set holds are everything") {
  Bench bench;
  WriteSet set;
  for (int i = 0; i < 40; ++i) set.add(bench.ledger.intern(bench.db, "t" + std::to_string(i)));
  CHECK(set.full());
  CommitTicket ticket = bench.ledger.begin_commit(bench.db, set);
  CHECK(bench.need(bench.a).primary_only);
  bench.ledger.end_commit(ticket, Outcome::committed, bench.now);
  bench.sample(200);
  CHECK(bench.need(bench.a).lsn == 200);
}

TEST_CASE("names that do not fit are everything, and counted") {
  Ledger ledger({.tables = 16, .databases = 4});
  const DatabaseId db = ledger.database("app");
  TableId last = 0;
  for (int i = 0; i < 100; ++i) last = ledger.intern(db, "t" + std::to_string(i));
  CHECK(last == ledger.everything(db));
  CHECK(ledger.counts().overflows > 80);
  CHECK(ledger.intern(db, "t0") != last);
  // Databases, too: what does not fit shares.
  const DatabaseId second = ledger.database("second");
  const DatabaseId third = ledger.database("third"), fourth = ledger.database("fourth");
  CHECK(second != db);
  CHECK(third == fourth);
  CHECK(ledger.database("app") == db);
}

TEST_CASE("a session sees its own commits, and others' later") {
  Bench bench;
  SessionMark mine, yours;
  const Reader me{.freshness = {Scope::session, {}}, .mark = &mine};
  const Reader you{.freshness = {Scope::session, {}}, .mark = &yours};
  CommitTicket ticket = bench.begin(bench.a, &mine);
  CHECK(bench.need(bench.a, me).primary_only);
  CHECK(bench.need(bench.a, you).allows(1, -1));
  bench.ledger.end_commit(ticket, Outcome::committed, bench.now, &mine);
  CHECK(bench.need(bench.a, me).primary_only);
  CHECK(bench.need(bench.a, you).allows(1, -1));
  bench.sample(200);
  CHECK(bench.need(bench.a, me).lsn == 200);
  // A table that it has not written does not wait for what it has.
  CHECK(bench.need(bench.b, me).lsn == 100);
  bench.ledger.settle(mine);
  CHECK(mine.lsn == 200);
  CHECK(mine.epoch == 0);
}

TEST_CASE("a session's mark is covered by the sample that its commit asked for") {
  Bench bench;
  SessionMark mark;
  // The sample begins between the commit's end and whatever comes behind it.
  bench.source.on_want = [&] { bench.sample(200); };
  bench.commit(bench.a, &mark);
  bench.ledger.settle(mark);
  CHECK(mark.lsn == 200);
}

TEST_CASE("a group sees its members' commits") {
  Bench bench;
  const TableId group = bench.ledger.group("checkout");
  CHECK(group == bench.ledger.group("checkout"));
  CHECK(group != bench.ledger.group("search"));
  const Reader member{.freshness = {Scope::group, {}}, .group = group};
  const Reader stranger{.freshness = {Scope::group, {}}, .group = bench.ledger.group("search")};
  WriteSet set;
  set.add(bench.a);
  set.add(group);
  CommitTicket ticket = bench.ledger.begin_commit(bench.db, set);
  CHECK(bench.need(bench.a, member).primary_only);
  CHECK(bench.need(bench.a, stranger).allows(1, -1));
  bench.ledger.end_commit(ticket, Outcome::committed, bench.now);
  bench.sample(200);
  CHECK(bench.need(bench.a, member).lsn == 200);
}

TEST_CASE("groups that do not fit share an entry, and see each other's commits") {
  Ledger ledger({.tables = 16, .databases = 4});
  Source source;
  ledger.sample_from(&source);
  ledger.sample_done(ledger.sample_begins(), 100);
  const DatabaseId db = ledger.database("app");
  const TableId early = ledger.group("early");
  for (int i = 0; i < 100; ++i) ledger.intern(db, "t" + std::to_string(i));
  const TableId one = ledger.group("one"), two = ledger.group("two");
  CHECK(ledger.group("early") == early);
  CHECK(one != early);
  CHECK(one == two);
  // 0 is to be in none.
  CHECK(one != 0);
  CHECK(ledger.counts().overflows > 80);
  const Reader reader{.freshness = {Scope::group, {}}, .group = two};
  const TableId tables[] = {ledger.everything(db), ledger.intern(db, "t0")};
  WriteSet set;
  set.add(tables[1]);
  set.add(one);
  CommitTicket ticket = ledger.begin_commit(db, set);
  CHECK(ledger.required(tables, reader, start).primary_only);
  ledger.end_commit(ticket, Outcome::committed, start);
  ledger.sample_done(ledger.sample_begins(), 200);
  CHECK(ledger.required(tables, reader, start).lsn == 200);
}

TEST_CASE("bounded: the lag and a window against the time since the last write") {
  Bench bench;
  Reader reader{.freshness = {Scope::bounded, {}}, .lag_window = milliseconds(100)};
  bench.need(bench.a, reader);  // from here on it knows what was written when
  bench.commit(bench.a);
  struct Row {
    int after_ms, lag_ms;
    bool allowed;
  };
  for (const Row& row : {Row{0, 0, false}, Row{100, 0, false}, Row{150, 49, true},
                         Row{150, 50, false}, Row{5000, 4899, true}, Row{5000, -1, false}}) {
    CAPTURE(row.after_ms);
    CAPTURE(row.lag_ms);
    bench.now = start + milliseconds(row.after_ms);
    const std::int64_t lag = Duration(milliseconds(row.lag_ms)).count();
    CHECK(bench.need(bench.a, reader).allows(50, row.lag_ms < 0 ? -1 : lag) == row.allowed);
  }
  reader.freshness.window = milliseconds(10);
  bench.now = start + milliseconds(50);
  CHECK(bench.need(bench.a, reader).allows(50, Duration(milliseconds(39)).count()));
  const CommitTicket ticket = bench.begin(bench.a);
  CHECK(ticket.active());
  CHECK_FALSE(bench.need(bench.a, reader).allows(50, 0));
}

TEST_CASE("any takes what there is; min_lsn is asked of all") {
  Bench bench;
  bench.commit(bench.a);
  Reader reader{.freshness = {Scope::any, {}}};
  CHECK(bench.need(bench.a, reader).allows(0, -1));
  reader.min_lsn = 77;
  Reader floor;
  floor.min_lsn = 500;
  CHECK_FALSE(bench.need(bench.a, reader).allows(76, 0));
  CHECK(bench.need(bench.a, reader).allows(77, -1));
  bench.sample(200);
  CHECK(bench.need(bench.b, floor).lsn == 500);
}

TEST_CASE("after a switch nobody waits for what is gone") {
  Bench bench;
  bench.commit(bench.a);
  bench.sample(1000);
  bench.ledger.timeline_switched(900);
  CHECK(bench.need(bench.a).lsn == 900);
  CHECK(bench.need(bench.b).lsn == 100);
}

TEST_CASE("after a switch a session does not wait for what is gone either") {
  Bench bench;
  SessionMark mark;
  bench.commit(bench.a, &mark);
  bench.sample(1000);
  bench.ledger.timeline_switched(900);
  bench.ledger.settle(mark);
  CHECK(mark.lsn == 900);
  CHECK(bench.ledger.counts().last_lsn == 900);
}

TEST_CASE("what was known before commits went untold does not count, in any scope") {
  Bench bench;
  SessionMark mark;
  const Scope scopes[] = {Scope::strict, Scope::session, Scope::group, Scope::bounded};
  const auto reader = [&](Scope scope) {
    Reader made{.freshness = {scope, {}}, .mark = &mark};
    made.group = scope == Scope::group ? bench.ledger.group("g") : 0;
    return made;
  };
  for (const Scope scope : scopes) CHECK(bench.need(bench.a, reader(scope)).allows(100, -1));
  bench.ledger.suspend();
  const std::uint64_t early = bench.ledger.sample_begins();
  bench.now += seconds(5);
  bench.sample(200);
  for (const Scope scope : scopes) {
    CAPTURE(static_cast<int>(scope));
    CHECK_FALSE(bench.need(bench.a, reader(scope)).allows(1000, 0));
  }
  const int wanted = bench.source.wanted;
  bench.ledger.forget_positions(bench.now);
  CHECK(bench.source.wanted == wanted + 1);
  // It began before.
  bench.ledger.sample_done(early, 250);
  for (const Scope scope : scopes) {
    CAPTURE(static_cast<int>(scope));
    CHECK_FALSE(bench.need(bench.a, reader(scope)).allows(1000, 0));
    CHECK(bench.need(bench.a, reader(scope)).reason == "no position of the primary is known yet");
  }
  bench.sample(300);
  for (const Scope scope : scopes) {
    CAPTURE(static_cast<int>(scope));
    CHECK(bench.need(bench.a, reader(scope)).allows(300, -1));
    CHECK_FALSE(bench.need(bench.a, reader(scope)).allows(299, 0));
  }
  // By time: it may have been written up to then.
  bench.now += seconds(1);
  CHECK(bench.need(bench.a, reader(Scope::bounded)).allows(1, Duration(milliseconds(999)).count()));
  CHECK_FALSE(bench.need(bench.a, reader(Scope::bounded)).allows(1, Duration(seconds(1)).count()));
  // Who asks for nothing gets it, throughout.
  bench.ledger.suspend();
  CHECK(bench.need(bench.a, reader(Scope::any)).allows(0, -1));
}

TEST_CASE("an answer that comes late does not take a position back") {
  Bench bench;
  SessionMark mark;
  const std::uint64_t slow = bench.ledger.sample_begins();
  bench.commit(bench.a, &mark);
  bench.sample(300);
  bench.ledger.sample_done(slow, 200);
  bench.ledger.settle(mark);
  CHECK(mark.lsn == 300);
  CHECK(bench.need(bench.a).lsn == 300);
}

TEST_CASE("tables warm up at once and cool down slowly") {
  Bench bench;
  Heat one(64), two(64);
  const Heat* const workers[] = {&one, &two};
  Thermometer meter(64, {.hot = 100, .warm = 1, .cold = 0.01, .half_life = seconds(1)});
  meter.measure(workers, bench.ledger, bench.now);
  const TableId read[] = {bench.a};
  const auto run = [&](int uses) {
    for (int i = 0; i < uses; ++i) (i % 2 == 0 ? one : two).note(read);
    bench.now += seconds(1);
    meter.measure(workers, bench.ledger, bench.now);
    return bench.ledger.temperature(bench.a);
  };
  CHECK(run(10) == Temperature::warm);
  CHECK(run(400) == Temperature::hot);
  CHECK(run(0) == Temperature::hot);  // 101 a second, by the mean
  CHECK(run(0) == Temperature::hot);  // half of it
  CHECK(run(0) == Temperature::warm);
  for (int i = 0; i < 20; ++i) run(0);
  CHECK(bench.ledger.temperature(bench.a) == Temperature::frozen);
  CHECK(bench.ledger.temperature(bench.b) == Temperature::frozen);
}

TEST_CASE("rows tell what is known") {
  Bench bench;
  bench.commit(bench.a);
  const auto rows = bench.ledger.rows();
  const auto row = std::find_if(rows.begin(), rows.end(),
                                [](const Ledger::Row& each) { return each.table == "a"; });
  REQUIRE(row != rows.end());
  CHECK(row->database == "app");
  CHECK_FALSE(row->sampled);
  CHECK(row->last_write == bench.now);
  CHECK(bench.ledger.counts().dirty == 1);
  CHECK(bench.ledger.name(bench.a) == "app.a");
}

}  // namespace heim::freshness::test
