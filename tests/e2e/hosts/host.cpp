// Stands where heimproxyd does in the end-to-end tests: a proxy in a process of C++.
//
//   host-cpp CONFIG
#include <csignal>
#include <cstdio>
#include <ctime>
#include <exception>
#include <string>

#include "heimproxy/heimproxy.hpp"

namespace {

void obey(heimproxy::Proxy& proxy, int number) {
  if (number == SIGTERM) return proxy.stop(HEIM_STOP_WAIT_FOR_CLIENTS);
  if (number == SIGINT) return proxy.stop(HEIM_STOP_WAIT_FOR_SERVERS);
  if (number == SIGQUIT) return proxy.stop(HEIM_STOP_NOW);
  try {
    proxy.reload();
  } catch (const heimproxy::Error&) {
    // The log says what is wrong; everything goes on as before.
  }
}

void run(const std::string& config) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGHUP, SIGTERM, SIGINT, SIGQUIT}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // the library's threads inherit it
  heimproxy::Proxy proxy(heimproxy::Config::file(config), {.log = [](const heim_log_line& line) {
                           heim_log_write(&line, nullptr);
                         }});
  proxy.start();
  const std::timespec period{0, 50'000'000};
  while (!proxy.wait(heimproxy::Nanoseconds(0))) {
    const int number = sigtimedwait(&signals, nullptr, &period);
    if (number > 0) obey(proxy, number);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    run(argv[1]);
    return 0;
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "ERROR %s\n", problem.what());
    return 1;
  }
}
