#include "options.hpp"

#include <CLI/CLI.hpp>

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

void declare(CLI::App& app, Options& options) {
  app.footer(footer);
  const auto task = [&](const char* name, Task which, const char* about) {
    const auto take = [&options, which](const std::string& file) {
      options.task = which;
      options.file = file;
    };
    return app.add_option_function<std::string>(name, take, about)->type_name("FILE");
  };
  const auto log_level = [&](const char* names, heim_log_level level, const char* about) {
    return app.add_flag_callback(
        names, [&options, level] { options.log_level = level; }, about);
  };
  CLI::Option* const run = task("CONFIG", Task::run, "The configuration to run with");
  CLI::Option* const check =
      task("--check", Task::check, "Say what is wrong with FILE and the files it names, and leave");
  task("--print-config", Task::print_config,
       "Print every effective value of FILE and where it came from, and leave")
      ->excludes(run, check);
  check->excludes(run->type_name(""));
  log_level("-v,--verbose", HEIM_LOG_DEBUG, "Log everything, also for debugging")
      ->excludes(log_level("-q,--quiet", HEIM_LOG_WARNING, "Log warnings and errors only"));
  app.set_version_flag("--version", std::string("heimproxyd ") + heim_version_string());
}

}  // namespace

Options parse_options(int argc, char** argv) {
  Options options;
  CLI::App app(description, "heimproxyd");
  declare(app, options);
  try {
    app.parse(argc, argv);
    if (options.file.empty()) throw CLI::RequiredError("CONFIG, --check or --print-config");
  } catch (const CLI::ParseError& problem) {
    options.task = Task::leave;
    options.exit_code = app.exit(problem) == 0 ? exit_ok : exit_usage;
  }
  return options;
}

}  // namespace heim::daemon
