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

struct Given {
  std::string run, check, print;
  bool quiet = false, verbose = false;
};

void declare(CLI::App& app, Given& given) {
  app.footer(footer);
  app.add_option("CONFIG", given.run, "The configuration to run with")->type_name("");
  app.add_option("--check", given.check,
                 "Say what is wrong with FILE and the files it names, and leave")
      ->type_name("FILE");
  app.add_option("--print-config", given.print,
                 "Print every effective value of FILE and where it came from, and leave")
      ->type_name("FILE");
  app.add_flag("-q,--quiet", given.quiet, "Log warnings and errors only");
  app.add_flag("-v,--verbose", given.verbose, "Log everything, also for debugging");
  app.set_version_flag("--version", std::string("heimproxyd ") + heim_version_string());
}

void require_one_task(const Given& given) {
  const int tasks = !given.run.empty() + !given.check.empty() + !given.print.empty();
  if (tasks != 1) {
    throw CLI::ValidationError("heimproxyd",
                               "give one of CONFIG, --check FILE, "
                               "--print-config FILE");
  }
  if (given.quiet && given.verbose) throw CLI::ValidationError("heimproxyd", "-q or -v, not both");
}

}  // namespace

Options parse_options(int argc, char** argv) {
  Given given;
  Options options;
  CLI::App app(description, "heimproxyd");
  declare(app, given);
  try {
    app.parse(argc, argv);
    require_one_task(given);
  } catch (const CLI::ParseError& problem) {
    options.task = Task::leave;
    options.exit_code = app.exit(problem) == 0 ? exit_ok : exit_usage;
    return options;
  }
  if (!given.check.empty()) options.task = Task::check;
  if (!given.print.empty()) options.task = Task::print_config;
  options.file = given.run + given.check + given.print;  // two of them are empty
  if (given.quiet) options.log_level = HEIM_LOG_WARNING;
  if (given.verbose) options.log_level = HEIM_LOG_DEBUG;
  return options;
}

}  // namespace heim::daemon
