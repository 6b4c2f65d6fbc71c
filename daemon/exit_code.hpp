// What the shell and the service manager learn. Part of the interface: docs/daemon.md lists them.
#pragma once

namespace heim::daemon {

enum ExitCode : int {
  exit_ok = 0,      // it did what it was asked to, and ended when it was told to
  exit_config = 1,  // the configuration, or a file that it names, is wrong or cannot be read
  exit_usage = 2,   // the command line is wrong
  exit_failed = 3   // it could not start: an address is taken, memory is short
};

}  // namespace heim::daemon
