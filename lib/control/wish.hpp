// The wish for a sample of the primary's position, kept while nobody can be asked.
#pragma once
#include <atomic>

namespace heim::control {

/// Made by any thread, fulfilled by one. A wish that is made while sampling is off is fulfilled
/// once it is on: who made it does not repeat it.
class Wish {
 public:
  /// [any thread] True: the thread that fulfils it is to be woken.
  bool make() { return !made_.exchange(true) && on_; }

  // ---- [one thread]
  /// Whether samples can be taken. That thread looks at is_due() afterwards.
  void allow(bool on) { on_ = on; }
  bool is_due() const { return on_ && made_; }
  /// The question is about to be sent: what is wished from here on gets the next one.
  void fulfil() { made_ = false; }

 private:
  // In the one order of all: either who makes a wish sees that sampling is on, or who turned it
  // on sees the wish.
  std::atomic<bool> made_{false}, on_{false};
};

}  // namespace heim::control
