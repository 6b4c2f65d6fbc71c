#include "signals.hpp"

#include <pthread.h>

#include <utility>

namespace heim::daemon {

sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGHUP, SIGTERM, SIGINT, SIGQUIT}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

SignalThread::SignalThread(const sigset_t& signals, std::function<void(int)> handle)
    : signals_(signals), handle_(std::move(handle)), thread_([this] { run(); }) {}

SignalThread::~SignalThread() {
  done_ = true;
  pthread_kill(thread_.native_handle(), SIGTERM);  // wakes it up, and nobody else
  thread_.join();
}

void SignalThread::run() {
  for (;;) {
    int number = 0;
    if (sigwait(&signals_, &number) != 0) continue;
    if (done_) return;
    handle_(number);
  }
}

}  // namespace heim::daemon
