// What the command line asks for.
#pragma once
#include <string>

#include "heimproxy/heimproxy.h"

namespace heim::daemon {

enum class Task { run, check, print_config, leave };

struct Options {
  Task task = Task::run;
  std::string file;
  heim_log_level log_level = HEIM_LOG_CONFIGURED;
  int exit_code = 0;  // of Task::leave: everything was said, as after --help
};

/// Writes help to stdout and complaints to stderr by itself.
Options parse_options(int argc, char** argv);

}  // namespace heim::daemon
