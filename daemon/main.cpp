// heimproxyd: the library as a program. Arguments, signals, the service manager; the rest is behind
// heimproxy.hpp.
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>

#include "heimproxy/heimproxy.hpp"
#include "log.hpp"
#include "options.hpp"
#include "service.hpp"
#include "signals.hpp"

namespace heim::daemon {
namespace {

using heimproxy::Config;
using heimproxy::Error;
using heimproxy::Proxy;

/// A client is one descriptor, a server connection another: as many as the system gives.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// Each line of `text` after a word of what it is.
void print_lines(const char* what, std::string_view text, std::FILE* to) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    std::fprintf(to, "%s%.*s\n", what, static_cast<int>(line.size()), line.data());
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
}

int complain(const Error& error) {
  std::fprintf(stderr, "heimproxyd: %s\n", error.what());
  const bool defect = error.status() == HEIM_NO_MEMORY || error.status() == HEIM_INTERNAL;
  return defect ? exit_failed : exit_config;
}

int check(const Config& config, const Options& options) {
  print_lines("warning: ", config.warnings(), stdout);
  const Proxy proxy(config);
  std::printf("%s: no errors\n", options.file.c_str());
  return exit_ok;
}

int print_config(Config& config) {
  std::fputs(config.print().c_str(), stdout);
  return std::fflush(stdout) == 0 ? exit_ok : exit_failed;
}

int run(Config& config, const Options& options) {
  const sigset_t signals = block_signals();
  raise_descriptor_limit();
  Log log(config.get("log.format") == "json" ? HEIM_LOG_JSON : HEIM_LOG_TEXT);
  try {
    Proxy proxy(config, {.seats = HEIM_NO_SEATS,
                         .log_level = options.log_level,
                         .log = [&log](const heim_log_line& line) { log.pass(line); }});
    proxy.start();
    serve(proxy, log, signals, std::getenv("NOTIFY_SOCKET"));
    return exit_ok;
  } catch (const Error& error) {
    log.write(HEIM_LOG_ERROR, error.what());
    return error.status() == HEIM_CONFIG ? exit_config : exit_failed;
  }
}

int main(int argc, char** argv) {
  const Options options = parse_options(argc, argv);
  if (options.task == Task::leave) return options.exit_code;
  Config config;
  try {
    config.load_file(options.file);
    if (options.task == Task::check) return check(config, options);
    if (options.task == Task::print_config) return print_config(config);
    return run(config, options);
  } catch (const Error& error) {
    if (config.diagnostics().empty()) return complain(error);
    print_lines("error: ", config.diagnostics(), stderr);
    return exit_config;
  }
}

}  // namespace
}  // namespace heim::daemon

int main(int argc, char** argv) {
  try {
    return heim::daemon::main(argc, argv);
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "heimproxyd: %s\n", problem.what());
    return heim::daemon::exit_failed;
  }
}
