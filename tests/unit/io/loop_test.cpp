// Loop, Timer, Mailbox.
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "harness.hpp"
#include "io/mailbox.hpp"

using namespace heim;
using namespace heim::io;
using namespace heim::io::test;

TEST_CASE("the time of a turn stands still, and goes on with the next") {
  World world;
  std::vector<Instant> seen;
  world.loop.post([&] {
    seen.push_back(world.loop.now());
    const auto until = std::chrono::steady_clock::now() + 2ms;
    while (std::chrono::steady_clock::now() < until) continue;
    seen.push_back(world.loop.now());
    world.loop.post([&] { seen.push_back(world.loop.now()); });
  });
  REQUIRE(world.until([&] { return seen.size() == 3; }));
  CHECK(seen[0] == seen[1]);
  CHECK(seen[2] >= seen[0] + 2ms);
}

TEST_CASE("a timer is never early and fires once") {
  World world;
  int fired = 0;
  const Instant deadline = std::chrono::steady_clock::now() + 15ms;
  Timer timer(world.loop, [&] {
    ++fired;
    CHECK(world.loop.now() >= deadline);
  });
  timer.start_at(deadline);
  CHECK(timer.active());
  REQUIRE(world.until([&] { return fired > 0; }));
  CHECK_FALSE(timer.active());
  world.turns(3);
  CHECK(fired == 1);
}

TEST_CASE("a deadline moves later, earlier and away") {
  World world;
  int fired = 0;
  Timer timer(world.loop, [&] { ++fired; });
  const Instant start = std::chrono::steady_clock::now();
  timer.start_at(start + 10ms);
  timer.start_at(start + 60ms);
  REQUIRE(world.until([&] { return fired == 1; }));
  CHECK(std::chrono::steady_clock::now() >= start + 60ms);

  const Instant again = std::chrono::steady_clock::now();
  timer.start_at(again + std::chrono::hours(1));
  timer.start_at(again + 5ms);
  REQUIRE(world.until([&] { return fired == 2; }, 10s));

  timer.start_in(5ms);
  timer.stop();
  CHECK_FALSE(timer.active());
  world.turns(4);
  CHECK(fired == 2);
  timer.start_at(never);
  CHECK_FALSE(timer.active());
}

TEST_CASE("a repeating timer goes on until it is stopped, from its own callback too") {
  World world;
  int fired = 0;
  Timer timer(world.loop, [&] {
    if (++fired == 3) timer.stop();
  });
  timer.start_every(2ms);
  REQUIRE(world.until([&] { return fired == 3; }));
  world.turns(4);
  CHECK(fired == 3);
}

TEST_CASE("a timer may be destroyed by its own callback") {
  World world;
  bool fired = false;
  std::unique_ptr<Timer> timer;
  timer = std::make_unique<Timer>(world.loop, [&, alive = std::make_shared<int>(7)] {
    timer.reset();
    fired = *alive == 7;
  });
  timer->start_in(1ms);
  CHECK(world.until([&] { return fired; }));
}

namespace {

struct Work : Deferred {
  Loop& loop;
  int runs = 0;
  int again = 0;
  explicit Work(Loop& on) : loop(on) {}
  void run_deferred() override {
    ++runs;
    if (again-- > 0) loop.defer(*this);
  }
};

}  // namespace

TEST_CASE("deferred work runs once a turn, and keeps the loop turning") {
  World world;
  world.tick.stop();
  Work work(world.loop), cancelled(world.loop);
  work.again = 5;
  world.loop.defer(work);
  world.loop.defer(work);
  world.loop.defer(cancelled);
  world.loop.cancel(cancelled);
  int ends = 0;
  world.loop.set_end_of_turn([&] { ++ends; });
  CHECK(world.until([&] { return work.runs == 6; }));  // no timer helps: deferring must not block
  CHECK(ends >= 6);
  CHECK(cancelled.runs == 0);
}

TEST_CASE("messages of many threads arrive, each thread's in order") {
  constexpr int threads = 4, each = 2000;
  World world;
  std::vector<int> next(threads, 0);
  int count = 0;
  Mailbox<std::unique_ptr<std::pair<int, int>>> mailbox(
      world.loop, [&](std::unique_ptr<std::pair<int, int>>&& message) {
        ++count;
        CHECK(message->second == next[message->first]++);
      });
  std::vector<std::thread> senders;
  for (int t = 0; t < threads; ++t) {
    senders.emplace_back([&mailbox, t] {
      for (int i = 0; i < each; ++i) mailbox.push(std::make_unique<std::pair<int, int>>(t, i));
    });
  }
  CHECK(world.until([&] { return count == threads * each; }));
  for (auto& sender : senders) sender.join();
}

TEST_CASE("what a mailbox did not deliver is destroyed with it") {
  auto witness = std::make_shared<int>(1);
  {
    World world;
    Mailbox<std::shared_ptr<int>> mailbox(world.loop, [](std::shared_ptr<int>&&) {});
    mailbox.push(witness);
    world.loop.post([witness] {});
    CHECK(witness.use_count() == 3);
  }
  CHECK(witness.use_count() == 1);
}

TEST_CASE("another thread stops a loop, which can run again") {
  Loop loop;
  for (int round = 0; round < 3; ++round) {
    std::atomic<bool> ran{false};
    std::thread thread([&] { loop.run(); });
    loop.post([&] { ran = true; });
    loop.stop();
    thread.join();
    CHECK(ran);
  }
}
