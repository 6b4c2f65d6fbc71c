// Asks for what is foreseen to be asked next, so that the cache has it: within a budget, and not
// while clients wait for connections.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "session/foresight.hpp"
#include "session/prompter.hpp"

namespace heim::session {

class Hub;

/// One a worker.
class Prefetch {
 public:
  static constexpr std::size_t most_waiting = 256, most_sessions = 8;

  explicit Prefetch(Hub& hub) : hub_(hub) {}
  /// Questions a second at most, of all `workers`; 0: it is off.
  void share_budget(std::uint32_t a_second, std::uint32_t workers) {
    budget_ = (a_second + workers - 1) / workers;
  }
  bool is_on() const { return budget_ != 0; }
  /// The question of somebody with that number among Shared::askers.
  void want(std::uint32_t asker, std::string batch);
  /// What was asked for is in the cache already.
  void was_there() { left_ += 1; }
  void go_on();
  void end();

  Foresight foresight;

 private:
  struct Wanted {
    std::string batch;
    Instant since;
  };
  struct Session {
    std::unique_ptr<Prompter> prompter;
    std::deque<Wanted> waiting;
    bool is_busy() const { return prompter && prompter->state() == Prompter::State::busy; }
    Instant used{};
  };
  bool has_budget();
  void drop_old(Session& session);
  void drop(Session& session, std::size_t count);
  bool serve(std::uint32_t asker, Session& session);

  Hub& hub_;
  std::uint32_t budget_ = 0;
  double left_ = 0;  // of the budget
  Instant counted_{};
  std::size_t waiting_ = 0;
  std::unordered_map<std::uint32_t, Session> sessions_;  // by asker
};

}  // namespace heim::session
