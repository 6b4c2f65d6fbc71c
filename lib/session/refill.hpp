// Asks what was asked before the proxy began (warm start): one question at a time, and none while
// clients wait for connections.
#pragma once
#include <memory>

#include "base/clock.hpp"
#include "session/prompter.hpp"

namespace heim::session {

class Hub;

class Refill {
 public:
  explicit Refill(Hub& hub) : hub_(hub) {}
  /// Now and then, and when its session has been answered.
  void go_on();
  void end() { session_.reset(), asked_ = false; }

 private:
  void begin();
  bool may_log_in(const Asker& asker);
  void ended(bool asked);
  void ask();
  bool may_ask() const;

  Hub& hub_;
  std::unique_ptr<Prompter> session_;
  bool asked_ = false;  // and was not answered yet
  Instant ready_{};     // since then it could have asked
};

}  // namespace heim::session
