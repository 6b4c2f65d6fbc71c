// What the command line asks for, and what the shell and the service manager learn in the end: both
// are part of the interface, docs/daemon.md lists them.
#pragma once
#include <string>

#include "heimproxy/heimproxy.h"

namespace heim::daemon {

enum ExitCode : int {
  exit_ok = 0,      // it did what it was asked to, and ended when it was told to
  exit_config = 1,  // the configuration, or a file that it names, is wrong or cannot be read
  exit_usage = 2,   // the command line is wrong
  exit_failed = 3   // it could not start: an address is taken, memory is short
};

enum class Task { run, check, print_config, leave };

struct Options {
  Task task = Task::run;
  std::string file;
  heim_log_level log_level = HEIM_LOG_CONFIGURED;
  ExitCode exit_code = exit_ok;  // of Task::leave: everything was said, as after --help
};

/// Writes help to stdout and complaints to stderr by itself.
Options parse_options(int argc, char** argv);

}  // namespace heim::daemon
