// Every order in which a commit, samples and a read can fall, and many of them by threads: no read
// that a standby may answer misses a commit that was acknowledged before it was asked.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "freshness/ledger.hpp"
#include "source.hpp"

namespace heim::freshness::test {
namespace {

constexpr Instant now{std::chrono::seconds(1)};

/// A server whose WAL grows by one with each commit, a ledger, and one reader.
struct World {
  Ledger ledger;
  DatabaseId db = ledger.database("app");
  TableId table = ledger.intern(db, "t");
  std::uint64_t wal = 10, acknowledged = 10;
  struct Writer {
    CommitTicket ticket;
    std::uint64_t record = 0;
  };
  std::array<Writer, 2> writers;
  std::uint64_t token = 0, answer = 0;

  World() { ledger.sample_done(ledger.sample_begins(), wal); }

  void begin(std::size_t i) {
    WriteSet set;
    set.add(table);
    writers[i].ticket = ledger.begin_commit(db, set);
  }
  void commit(std::size_t i) { writers[i].record = ++wal; }
  void end(std::size_t i) {
    ledger.end_commit(writers[i].ticket, Outcome::committed, now);
    acknowledged = std::max(acknowledged, writers[i].record);
  }
  void ask() { token = ledger.sample_begins(); }
  void look() { answer = wal; }
  void tell() { ledger.sample_done(token, answer); }
  /// A standby that has replayed just what is asked must have what was acknowledged.
  void read() {
    const TableId tables[] = {ledger.everything(db), table};
    const Verdict verdict = ledger.required(tables, {}, now);
    if (verdict.primary_only) return;
    REQUIRE(verdict.lsn >= acknowledged);
  }
};

void raise(std::atomic<std::uint64_t>& value, std::uint64_t to) {
  std::uint64_t seen = value.load();
  while (seen < to && !value.compare_exchange_weak(seen, to)) {
  }
}

using Step = void (*)(World&);

/// All merges of the lines, each kept in its order; after every step a read.
void each_order(const std::vector<std::vector<Step>>& lines, std::vector<std::size_t>& at,
                std::vector<Step>& order, const std::function<void()>& run) {
  bool any = false;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (at[i] == lines[i].size()) continue;
    any = true;
    order.push_back(lines[i][at[i]++]);
    each_order(lines, at, order, run);
    order.pop_back();
    --at[i];
  }
  if (!any) run();
}

}  // namespace

TEST_CASE("every order of two commits and two samples") {
  const std::vector<std::vector<Step>> lines = {
      {[](World& w) { w.begin(0); }, [](World& w) { w.commit(0); }, [](World& w) { w.end(0); }},
      {[](World& w) { w.begin(1); }, [](World& w) { w.commit(1); }, [](World& w) { w.end(1); }},
      {[](World& w) { w.ask(); }, [](World& w) { w.look(); }, [](World& w) { w.tell(); },
       [](World& w) { w.ask(); }, [](World& w) { w.look(); }, [](World& w) { w.tell(); }}};
  std::vector<std::size_t> at(lines.size(), 0);
  std::vector<Step> order;
  std::size_t orders = 0, served = 0;
  each_order(lines, at, order, [&] {
    World world;
    for (const Step step : order) {
      step(world);
      world.read();
    }
    ++orders;
    const TableId tables[] = {world.ledger.everything(world.db), world.table};
    served += !world.ledger.required(tables, {}, now).primary_only;
    // Whatever came before: one more sample, and standbys serve.
    world.ask(), world.look(), world.tell();
    const Verdict verdict = world.ledger.required(tables, {}, now);
    CHECK_FALSE(verdict.primary_only);
    CHECK(verdict.lsn >= world.acknowledged);
  });
  CHECK(orders == 18'480);  // 12! / (3! 3! 6!)
  CHECK(served > 0);
  CHECK(served < orders);
}

TEST_CASE("threads that commit, sample and read") {
  constexpr int commits = 2'000, writers = 2;
  Ledger ledger;
  const DatabaseId db = ledger.database("app");
  const std::array<TableId, 2> tables = {ledger.intern(db, "a"), ledger.intern(db, "b")};
  std::atomic<std::uint64_t> wal{1};
  // What was acknowledged of each table, told outside the ledger as clients tell each other.
  std::array<std::atomic<std::uint64_t>, 2> acknowledged{};
  std::atomic<int> running{writers};
  std::atomic<std::uint64_t> stale{0};

  const auto sample = [&] {
    const std::uint64_t token = ledger.sample_begins();
    ledger.sample_done(token, wal.load());
  };
  sample();
  std::vector<std::thread> threads;
  for (int i = 0; i < writers; ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0; n < commits; ++n) {
        const auto which = static_cast<std::size_t>((n + i) % 2);
        WriteSet set;
        set.add(tables[which]);
        SessionMark mark;
        CommitTicket ticket = ledger.begin_commit(db, set, &mark);
        const std::uint64_t record = wal.fetch_add(1) + 1;
        ledger.end_commit(ticket, n % 7 == 0 ? Outcome::rolled_back : Outcome::committed, now,
                          &mark);
        if (n % 7 == 0) continue;
        raise(acknowledged[which], record);
        if (n % 64 == 0) std::this_thread::yield();
      }
      --running;
    });
  }
  threads.emplace_back([&] {
    while (running.load() > 0) sample();
  });
  threads.emplace_back([&] {
    for (std::size_t n = 0; running.load() > 0; ++n) {
      const std::uint64_t must_see = acknowledged[n % 2].load();
      const TableId read[] = {ledger.everything(db), tables[n % 2]};
      const Verdict verdict = ledger.required(read, {}, now);
      if (!verdict.primary_only && verdict.lsn < must_see) ++stale;
    }
  });
  for (std::thread& thread : threads) thread.join();
  CHECK(stale == 0);
  sample();
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const TableId read[] = {ledger.everything(db), tables[i]};
    const Verdict verdict = ledger.required(read, {}, now);
    CHECK_FALSE(verdict.primary_only);
    CHECK(verdict.lsn >= acknowledged[i].load());
    CHECK_FALSE(ledger.in_flight(tables[i]));
  }
  CHECK(ledger.counts().dirty == 0);
}

}  // namespace heim::freshness::test
