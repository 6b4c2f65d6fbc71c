// Readiness of one descriptor on one loop.
#pragma once

namespace heim::io {

class Loop;

class PollTarget {
 public:
  virtual ~PollTarget() = default;
  /// `events` is a set of Poller::readable and writable. An error on the descriptor shows as both:
  /// the next call on it says which.
  virtual void on_poll(unsigned events) = 0;
};

/// Watches, does not own, `fd`, which must be a non-blocking socket and stay open for as long.
/// Destroying it, also inside on_poll(), takes `fd` out of the loop's epoll set at once.
class Poller {
 public:
  static constexpr unsigned readable = 1;
  static constexpr unsigned writable = 2;

  Poller() = default;
  Poller(Loop& loop, int fd, PollTarget& target);
  Poller(Poller&& other) noexcept;
  Poller& operator=(Poller&& other) noexcept;
  ~Poller();

  /// Hands the events to another target (after a move).
  void set_target(PollTarget& target);
  /// No system call if nothing changes. 0 watches nothing, not even errors.
  void watch(unsigned events);
  unsigned watched() const;

 private:
  struct Handle;
  Handle* handle_ = nullptr;
};

}  // namespace heim::io
