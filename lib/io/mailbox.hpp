// Messages to a loop's thread from any other: one lock per message, one wake-up per batch.
#pragma once
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "io/wakeup.hpp"

namespace heim::io {

/// T is movable. Created and destroyed on the loop's thread; senders must be done by then. What was
/// not delivered is destroyed with the mailbox, which `receive` must not destroy.
template <class T>
class Mailbox {
 public:
  Mailbox(Loop& loop, std::function<void(T&&)> receive)
      : receive_(std::move(receive)), wakeup_(loop, [this] { drain(); }) {}

  /// [any thread] Messages of one sender arrive in order.
  void push(T message) {
    bool first;
    {
      std::lock_guard lock(mutex_);
      first = queue_.empty();
      queue_.push_back(std::move(message));
    }
    if (first) wakeup_.send();
  }

 private:
  void drain() {
    {
      std::lock_guard lock(mutex_);
      batch_.swap(queue_);
    }
    for (T& message : batch_) receive_(std::move(message));
    batch_.clear();
  }

  std::function<void(T&&)> receive_;
  std::mutex mutex_;
  std::vector<T> queue_;
  std::vector<T> batch_;
  Wakeup wakeup_;
};

}  // namespace heim::io
