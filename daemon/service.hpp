// A running proxy under signals and a service manager.
#pragma once
#include <csignal>

#include "heimproxy/heimproxy.hpp"
#include "log.hpp"

namespace heim::daemon {

/// Until the proxy, which is started, has ended. `signals` are blocked; `notify_socket` is for
/// notify().
void serve(heimproxy::Proxy& proxy, const Log& log, const sigset_t& signals,
           const char* notify_socket);

}  // namespace heim::daemon
