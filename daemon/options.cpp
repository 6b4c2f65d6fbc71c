#include "options.hpp"

#include <CLI/CLI.hpp>

#include "exit_code.hpp"

namespace heim::daemon {
namespace {

constexpr const char* description =
    "heimproxyd: a pooling, routing proxy for PostgreSQL.\n"
    "Runs in the foreground with CONFIG, a TOML or JSON file, and logs to stderr.";

constexpr const char* footer =
    "\nSignals:\n"
    "  HUP   read the configuration again\n"
    "  TERM  take no new clients, end when the last one has left; again: at once\n"
    "  INT   end each client after its transaction; again: at once\n"
    "  QUIT  end at once\n"
    "\nExit codes: 0 done, 1 wrong configuration, 2 wrong arguments, 3 could not start.";

}  // namespace

Options parse_options(int argc, char** argv) {
  Options options;
  std::string run, check, print;
  bool quiet = false, verbose = false;
  CLI::App app(description, "heimproxyd");
  app.footer(footer);
  auto* run_option = app.add_option("CONFIG", run, "The configuration to run with");
  auto* check_option = app.add_option(
      "--check", check, "Say what is wrong with FILE and the files it names, and leave");
  auto* print_option = app.add_option(
      "--print-config", print, "Print every effective value of FILE, and where it came from");
  check_option->type_name("FILE");
  print_option->type_name("FILE");
  run_option->type_name("");
  auto* quiet_flag = app.add_flag("-q,--quiet", quiet, "Log warnings and errors only");
  app.add_flag("-v,--verbose", verbose, "Log everything, also for debugging")->excludes(quiet_flag);
  app.set_version_flag("--version", std::string("heimproxyd ") + heim_version_string());
  auto* task = app.add_option_group("task");
  task->add_options(run_option, check_option, print_option);
  task->require_option(1);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    options.task = Task::leave;
    options.exit_code = app.exit(problem) == 0 ? exit_ok : exit_usage;
    return options;
  }
  options.task = *check_option ? Task::check : *print_option ? Task::print_config : Task::run;
  options.file = *check_option ? check : *print_option ? print : run;
  if (quiet) options.log_level = HEIM_LOG_WARNING;
  if (verbose) options.log_level = HEIM_LOG_DEBUG;
  return options;
}

}  // namespace heim::daemon
