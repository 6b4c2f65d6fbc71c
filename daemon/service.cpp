#include "service.hpp"

#include <chrono>
#include <string>

#include "notify.hpp"
#include "signals.hpp"

namespace heim::daemon {
namespace {

struct Service {
  heimproxy::Proxy& proxy;
  const Log& log;
  const char* const notify_socket;
  std::string serving = "serving on";
  int last_stop = -1;  // a heim_stop, once there was one

  void on_signal(int number) {
    switch (number) {
      case SIGHUP:
        return reload();
      case SIGTERM:
        return stop(HEIM_STOP_WAIT_FOR_CLIENTS, "waiting for clients to leave");
      case SIGINT:
        return stop(HEIM_STOP_WAIT_FOR_SERVERS, "waiting for transactions to end");
      default:
        return stop(HEIM_STOP_NOW, "ending");
    }
  }

  void reload() {
    if (last_stop >= 0) return log.write(HEIM_LOG_WARNING, "no reload: it is shutting down");
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    notify(notify_socket,
           "RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now / std::chrono::microseconds(1)));
    try {
      proxy.reload();
      notify(notify_socket, "READY=1", serving);
    } catch (const heimproxy::Error& error) {  // which the log has
      notify(notify_socket, "READY=1", std::string("the reload failed: ") + error.what());
    }
  }

  // Whoever asks again, and not for something sharper, means it.
  void stop(heim_stop how, const char* why) {
    if (how <= last_stop) how = HEIM_STOP_NOW;
    last_stop = how;
    notify(notify_socket, "STOPPING=1", how == HEIM_STOP_NOW ? "ending" : why);
    proxy.stop(how);
  }
};

}  // namespace

void serve(heimproxy::Proxy& proxy, const Log& log, const sigset_t& signals,
           const char* notify_socket) {
  Service service{proxy, log, notify_socket};
  for (const std::string& address : proxy.addresses()) service.serving += " " + address;
  notify(notify_socket, "READY=1", service.serving);
  take_signals(
      signals, [&](int number) { service.on_signal(number); }, [&] { proxy.wait(); });
  notify(notify_socket, "STOPPING=1", "ended");
}

}  // namespace heim::daemon
