#include "service.hpp"

#include <chrono>
#include <csignal>

namespace heim::daemon {
namespace {

std::uint64_t monotonic_us() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

std::string addresses_of(heim_proxy* proxy) {
  const char* text = "";
  return heim_proxy_addresses(proxy, &text, nullptr) == HEIM_OK ? text : "";
}

}  // namespace

Service::Service(heim_proxy* proxy, Log& log, const Notifier& notifier)
    : proxy_(proxy), log_(log), notifier_(notifier), addresses_(addresses_of(proxy)) {
  notifier_.ready(status());
}

std::string Service::status() const { return "serving on " + addresses_; }

void Service::on_signal(int number) {
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

void Service::reload() {
  if (last_stop_ >= 0) return log_.write(HEIM_LOG_WARNING, "no reload: it is shutting down");
  notifier_.reloading(monotonic_us());
  heim_error error;
  const bool reloaded = heim_proxy_reload(proxy_, &error) == HEIM_OK;
  notifier_.ready(reloaded ? status() : "the reload failed: " + std::string(error.message));
}

// Whoever asks again, and not for something sharper, means it.
void Service::stop(heim_stop how, const char* why) {
  if (static_cast<int>(how) <= last_stop_) how = HEIM_STOP_NOW;
  last_stop_ = how;
  notifier_.stopping(how == HEIM_STOP_NOW ? "ending" : why);
  heim_error error;
  if (heim_proxy_stop(proxy_, how, &error) != HEIM_OK) log_.write(HEIM_LOG_ERROR, error.message);
}

void Service::wait() {
  heim_error error;
  if (heim_proxy_wait(proxy_, HEIM_FOREVER, &error) != HEIM_OK) {
    log_.write(HEIM_LOG_ERROR, error.message);
  }
}

}  // namespace heim::daemon
