// Signals, taken by a thread that waits for them: no handler, so nothing is forbidden in them.
#pragma once
#include <atomic>
#include <csignal>
#include <functional>
#include <thread>

namespace heim::daemon {

/// Blocks HUP, TERM, INT and QUIT in this thread and those that it starts, and ignores PIPE. To be
/// called before any thread is started.
sigset_t block_signals();

class SignalThread {
 public:
  /// Calls `handle` on the thread, for one signal after the other, also for those that came since
  /// they were blocked.
  SignalThread(const sigset_t& signals, std::function<void(int)> handle);
  /// Waits for the handler that runs.
  ~SignalThread();
  SignalThread(const SignalThread&) = delete;
  SignalThread& operator=(const SignalThread&) = delete;

 private:
  void run();

  const sigset_t signals_;
  const std::function<void(int)> handle_;
  std::atomic<bool> done_{false};
  std::thread thread_;  // last: it uses the others
};

}  // namespace heim::daemon
