// A log message as a line for people or for programs.
#pragma once
#include <chrono>
#include <string>

#include "heimproxy/heimproxy.h"

namespace heim::capi {

using WallTime = std::chrono::system_clock::time_point;

/// As heim_log_write() has it, with its line end.
std::string log_line(const heim_log_line& line, WallTime now, int pid);

}  // namespace heim::capi
