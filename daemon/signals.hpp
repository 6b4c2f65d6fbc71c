// Signals, taken by a thread that waits for them: no handler, so nothing is forbidden in them.
#pragma once
#include <csignal>
#include <functional>

namespace heim::daemon {

/// Blocks HUP, TERM, INT and QUIT in this thread and those that it starts, and ignores PIPE. To be
/// called before any thread is started.
sigset_t block_signals();

/// Calls `handle`, on this thread, for one signal after the other, also for those that came since
/// they were blocked, until `wait` returns, which has a thread of its own. Neither throws.
void take_signals(const sigset_t& signals, const std::function<void(int)>& handle,
                  const std::function<void()>& wait);

}  // namespace heim::daemon
