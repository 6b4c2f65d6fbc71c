// Virtual time: a queue of events with one total order, and the record of what happened.
//
// Everything in a simulated world happens inside an event of its scheduler. One seed gives one
// trace: note() mixes each fact into a running hash, which two runs of a seed must agree on.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

namespace heim::sim {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

class Scheduler final : public Clock {
 public:
  using Task = std::function<void()>;
  explicit Scheduler(bool trace) : trace_(trace) {}

  Instant now() override { return now_; }
  /// Runs `task` at `when` (not before now). Events of one instant run in the order they were
  /// added.
  void at(Instant when, std::string_view what, std::uint64_t who, Task task);
  void after(Duration delay, std::string_view what, std::uint64_t who, Task task) {
    at(now_ + delay, what, who, std::move(task));
  }
  /// Runs events until `end` (then now() is `end`), or until stop().
  void run_until(Instant end);
  /// Runs the next event; false if there is none at or before `end`, or after stop().
  bool run_one(Instant end);
  void stop() { stopped_ = true; }
  bool stopped() const { return stopped_; }

  void note(std::string_view what, std::uint64_t a, std::uint64_t b = 0);
  std::uint64_t hash() const { return hash_; }
  std::uint64_t events() const { return events_; }
  bool tracing() const { return trace_; }
  /// One line on standard output, if tracing.
  void trace(std::string_view who, std::string_view text) const;

 private:
  struct Event {
    Instant when;
    std::uint64_t order;
    std::string_view what;  // static text
    std::uint64_t who;
    Task task;
  };
  static bool later(const Event& a, const Event& b) {
    return a.when != b.when ? a.when > b.when : a.order > b.order;
  }
  std::vector<Event> heap_;
  Instant now_{seconds(1)};
  std::uint64_t order_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t hash_ = 0xcbf29ce484222325;
  bool stopped_ = false;
  bool trace_;
};

/// FNV-1a, also used for the bytes on a wire.
std::uint64_t mix(std::uint64_t hash, std::string_view bytes);

}  // namespace heim::sim
