#include "signals.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <set>

using heim::daemon::block_signals;
using heim::daemon::take_signals;

TEST_CASE("each signal is handled once, on a thread that may do anything") {
  const sigset_t signals = block_signals();
  std::mutex mutex;
  std::condition_variable changed;
  std::multiset<int> seen;
  REQUIRE(::kill(::getpid(), SIGHUP) == 0);  // before there is a thread
  const auto handle = [&](int number) {
    const std::lock_guard lock(mutex);
    seen.insert(number);
    changed.notify_all();
  };
  take_signals(signals, handle, [&] {
    for (const int number : {SIGTERM, SIGINT, SIGQUIT}) CHECK(::kill(::getpid(), number) == 0);
    std::unique_lock lock(mutex);
    CHECK(changed.wait_for(lock, std::chrono::seconds(20), [&] { return seen.size() == 4; }));
  });
  CHECK(seen == std::multiset<int>{SIGHUP, SIGINT, SIGQUIT, SIGTERM});
}

TEST_CASE("a write to a pipe that nobody reads is an error, not the end") {
  block_signals();
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  ::close(ends[0]);
  CHECK(::write(ends[1], "x", 1) == -1);
  ::close(ends[1]);
}
