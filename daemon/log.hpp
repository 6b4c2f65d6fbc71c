// The daemon's log: lines to stderr, in the form that the configuration asks for.
#pragma once
#include <atomic>
#include <string_view>

#include "heimproxy/heimproxy.h"

namespace heim::daemon {

class Log {
 public:
  /// Until the proxy's lines say otherwise.
  void set_format(heim_log_format format) { format_ = format; }
  /// [any thread] A line of the daemon's own.
  void write(heim_log_level level, std::string_view text);
  /// The proxy's. `log` is a Log.
  static void callback(const heim_log_line* line, void* log);

 private:
  std::atomic<heim_log_format> format_{HEIM_LOG_TEXT};
};

}  // namespace heim::daemon
