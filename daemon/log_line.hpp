// A log message as a line for people or for programs.
#pragma once
#include <chrono>
#include <string>
#include <string_view>

#include "heimproxy/heimproxy.h"

namespace heim::daemon {

using WallTime = std::chrono::system_clock::time_point;

/// With its line end. Text: "2026-11-21 12:00:00.123 UTC [pid] LEVEL message". JSON:
/// {"ts":"2026-11-21T12:00:00.123Z","level":"info","msg":"message"}. `text` is UTF-8.
std::string log_line(heim_log_format format, heim_log_level level, std::string_view text,
                     WallTime now, int pid);

}  // namespace heim::daemon
