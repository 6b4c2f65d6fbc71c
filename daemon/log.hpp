// The daemon's log: the proxy's lines and its own, to stderr, in the form that the configuration in
// force asks for.
#pragma once
#include <atomic>
#include <string>

#include "heimproxy/heimproxy.h"

namespace heim::daemon {

class Log {
 public:
  explicit Log(heim_log_format format) : format_(format) {}
  /// [any thread] The proxy's.
  void pass(const heim_log_line& line) {
    format_ = line.format;
    heim_log_write(&line, nullptr);
  }
  /// [any thread] Its own.
  void write(heim_log_level level, const std::string& text) const {
    const heim_log_line line{sizeof line, level, format_, text.c_str(), text.size()};
    heim_log_write(&line, nullptr);
  }

 private:
  std::atomic<heim_log_format> format_;
};

}  // namespace heim::daemon
