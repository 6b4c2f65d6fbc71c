// What a heim_proxy holds.
#pragma once
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>

#include "capi/logger.hpp"
#include "capi/private_dir.hpp"
#include "heimproxy/heimproxy.h"
#include "runtime/engine.hpp"

struct heim_proxy {
  explicit heim_proxy(const heim_proxy_options& options)
      : logger(options.log_level, options.log, options.user_data), has_sidecar(options.sidecar) {}

  heim::capi::CallbackLogger logger;  // the engine's for as long as it lives
  std::optional<heim::capi::PrivateDir> sidecar;
  std::unique_ptr<heim::runtime::Engine> engine;
  const pid_t process = ::getpid();
  const bool has_sidecar;
  bool start_tried = false;
  std::atomic<bool> started{false};
  int sidecar_port = 0;
  std::string addresses, dsn, shown;  // lent
};

namespace heim::capi {

/// Throws STATE where it was not started, or belongs to the process that this one is a fork of.
runtime::Engine& running(heim_proxy* proxy);

}  // namespace heim::capi
