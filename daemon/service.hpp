// A running proxy under signals and a service manager.
#pragma once
#include <string>

#include "heimproxy/heimproxy.h"
#include "log.hpp"
#include "notify.hpp"

namespace heim::daemon {

class Service {
 public:
  /// All outlive it. The proxy is started.
  Service(heim_proxy* proxy, Log& log, const Notifier& notifier);

  /// What a signal means: reload, or a way to stop. One at a time.
  void on_signal(int number);
  /// Until the proxy has ended.
  void wait();

 private:
  void reload();
  void stop(heim_stop how, const char* why);
  std::string status() const;

  heim_proxy* const proxy_;
  Log& log_;
  const Notifier& notifier_;
  std::string addresses_;
  int last_stop_ = -1;  // a heim_stop, once there was one
};

}  // namespace heim::daemon
