#include "signals.hpp"

#include <pthread.h>

#include <atomic>
#include <thread>

namespace heim::daemon {

sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGHUP, SIGTERM, SIGINT, SIGQUIT}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

void take_signals(const sigset_t& signals, const std::function<void(int)>& handle,
                  const std::function<void()>& wait) {
  std::atomic<bool> over{false};
  std::thread waiting([&, taker = pthread_self()] {
    wait();
    over = true;
    pthread_kill(taker, SIGTERM);  // wakes it up, and nobody else
  });
  for (int number = 0; !over;) {
    if (sigwait(&signals, &number) == 0 && !over) handle(number);
  }
  waiting.join();
}

}  // namespace heim::daemon
