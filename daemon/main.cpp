// heimproxyd: the library as a program. Arguments, signals, the service manager, the log; the rest
// is behind heimproxy.h.
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>

#include "exit_code.hpp"
#include "heimproxy/heimproxy.h"
#include "log.hpp"
#include "notify.hpp"
#include "options.hpp"
#include "service.hpp"
#include "signals.hpp"

namespace heim::daemon {
namespace {

struct FreeConfig {
  void operator()(heim_config* config) const { heim_config_free(config); }
};
struct CloseProxy {
  void operator()(heim_proxy* proxy) const { heim_proxy_close(proxy); }
};
using Config = std::unique_ptr<heim_config, FreeConfig>;
using Proxy = std::unique_ptr<heim_proxy, CloseProxy>;

/// A client is one descriptor, a server connection another: as many as the system gives.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

int complain(heim_status status, const char* what) {
  std::fprintf(stderr, "heimproxyd: %s\n", what);
  return status == HEIM_NO_MEMORY || status == HEIM_INTERNAL ? exit_failed : exit_config;
}

/// Each line of `text` after a word of what it is.
void print_lines(const char* what, const char* text, std::FILE* to) {
  while (*text) {
    const int length = static_cast<int>(std::strcspn(text, "\n"));
    std::fprintf(to, "%s%.*s\n", what, length, text);
    text += length + (text[length] == '\n');
  }
}

/// What was wrong is said already if `to` is exit_ok no more.
Config load(const Options& options, int& to) {
  heim_error error;
  heim_config* made = nullptr;
  heim_status status = heim_config_new(&made, &error);
  Config config(made);
  if (status == HEIM_OK) status = heim_config_load_file(made, options.file.c_str(), &error);
  if (status == HEIM_OK) return config;
  const char* all = heim_config_diagnostics(made);
  if (*all) {
    print_lines("error: ", all, stderr);
    to = exit_config;
  } else {
    to = complain(status, error.message);
  }
  return config;
}

int check(heim_config* config, const Options& options) {
  print_lines("warning: ", heim_config_warnings(config), stdout);
  heim_error error;
  heim_proxy* opened = nullptr;
  const heim_status status = heim_proxy_open(config, nullptr, &opened, &error);
  const Proxy proxy(opened);
  if (status != HEIM_OK) return complain(status, error.message);
  std::printf("%s: no errors\n", options.file.c_str());
  return exit_ok;
}

int print_config(heim_config* config) {
  heim_error error;
  const char* text = nullptr;
  const heim_status status = heim_config_print(config, &text, &error);
  if (status != HEIM_OK) return complain(status, error.message);
  std::fputs(text, stdout);
  return std::fflush(stdout) == 0 ? exit_ok : exit_failed;
}

void set_format(Log& log, heim_config* config) {
  const char* format = "";
  const bool known = heim_config_get(config, "log.format", &format, nullptr) == HEIM_OK;
  log.set_format(known && std::strcmp(format, "json") == 0 ? HEIM_LOG_JSON : HEIM_LOG_TEXT);
}

int run(heim_config* config, const Options& options) {
  const sigset_t signals = block_signals();
  raise_descriptor_limit();
  Log log;
  set_format(log, config);
  const Notifier notifier(std::getenv("NOTIFY_SOCKET"));
  heim_proxy_options proxy_options = HEIM_PROXY_OPTIONS_INIT;
  proxy_options.seats = HEIM_NO_SEATS;
  proxy_options.log_level = options.log_level;
  proxy_options.log = Log::callback;
  proxy_options.user_data = &log;
  heim_error error;
  heim_proxy* opened = nullptr;
  heim_status status = heim_proxy_open(config, &proxy_options, &opened, &error);
  const Proxy proxy(opened);
  if (status == HEIM_OK) status = heim_proxy_start(opened, &error);
  if (status != HEIM_OK) {
    log.write(HEIM_LOG_ERROR, error.message);
    return status == HEIM_CONFIG ? exit_config : exit_failed;
  }
  Service service(opened, log, notifier);
  {
    const SignalThread thread(signals, [&](int number) { service.on_signal(number); });
    service.wait();
  }
  notifier.stopping("ended");
  return exit_ok;
}

int main(int argc, char** argv) {
  const Options options = parse_options(argc, argv);
  if (options.task == Task::leave) return options.exit_code;
  int exit_code = exit_ok;
  const Config config = load(options, exit_code);
  if (exit_code != exit_ok) return exit_code;
  switch (options.task) {
    case Task::check:
      return check(config.get(), options);
    case Task::print_config:
      return print_config(config.get());
    default:
      return run(config.get(), options);
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
