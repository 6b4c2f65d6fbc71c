// heim_proxy: an engine with its log and the source of its configuration.
#include "capi/proxy.hpp"

#include <algorithm>
#include <cstddef>
#include <thread>
#include <utility>

#include "capi/config.hpp"
#include "capi/guard.hpp"
#include "capi/options.hpp"
#include "capi/stop.hpp"

using heim::LogLevel;
using heim::capi::CallbackLogger;
using heim::capi::Failure;
using heim::capi::guard;
using heim::capi::require;
using heim::capi::running;
using heim::capi::shutdown_of;

namespace {

using Shutdown = heim::session::Operator::Shutdown;

constexpr std::uint32_t most_seats = 64;

/// Longer than anyone waits, and short enough to be added to any clock.
constexpr std::uint64_t forever_ns = 100ull * 365 * 24 * 3600 * 1'000'000'000;

heim_proxy_options options_of(const heim_proxy_options* given) {
  constexpr heim_proxy_options defaults = HEIM_PROXY_OPTIONS_INIT;
  const auto options =
      heim::capi::options_of(given, defaults, offsetof(heim_proxy_options, seats), "options");
  if (options.log_level < HEIM_LOG_CONFIGURED || options.log_level > HEIM_LOG_ERROR) {
    throw Failure(HEIM_INVALID_ARGUMENT, "'log_level' is none of HEIM_LOG_*");
  }
  if (options.seats > most_seats && options.seats != HEIM_NO_SEATS) {
    throw Failure(HEIM_INVALID_ARGUMENT, "'seats' is above 64");
  }
  return options;
}

// Several for each thread that can run at a time: who holds a seat may lose its processor to the
// server that it wakes, and others wait for it then.
std::uint32_t seats_of(const heim_proxy_options& options) {
  if (options.seats == HEIM_NO_SEATS) return 0;
  if (options.seats > 0) return options.seats;
  return std::clamp(4 * std::thread::hardware_concurrency(), 4u, 16u);
}

std::string join_addresses(const heim_proxy& proxy, const char* between) {
  std::string text;
  for (const std::string& address : proxy.engine->addresses()) {
    text += (text.empty() ? "" : between) + address;
  }
  return text;
}

// Quoted as libpq reads it.
std::string dsn_value(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

const char* shutdown_text(Shutdown how) {
  switch (how) {
    case Shutdown::wait_for_clients:
      return "shutting down: waiting for clients to leave";
    case Shutdown::wait_for_servers:
      return "shutting down: waiting for transactions to end";
    case Shutdown::now:
      break;
  }
  return "shutting down now";
}

void open_engine(heim_proxy& proxy, const heim_config& config, std::uint32_t seats) {
  auto read_again = [source = config.source] { return source.load_again(); };
  auto engine =
      heim::runtime::Engine::open(*config.loaded, proxy.logger, std::move(read_again), seats);
  if (!engine) throw Failure(HEIM_CONFIG, engine.error());
  proxy.engine = *std::move(engine);
  proxy.sidecar_port = config.loaded->settings.proxy.listen_port;
}

}  // namespace

heim::runtime::Engine& heim::capi::running(heim_proxy* proxy) {
  require(proxy, "proxy");
  if (!proxy->started) throw Failure(HEIM_STATE, "the proxy was not started");
  if (proxy->process != ::getpid()) {
    throw Failure(HEIM_STATE, "the proxy belongs to the process that this one is a fork of");
  }
  return *proxy->engine;
}

heim_status heim_proxy_open(const heim_config* config, const heim_proxy_options* options,
                            heim_proxy** out, heim_error* error) {
  return guard(error, [&] {
    require(config, "config");
    require(out, "out");
    if (!config->loaded) throw Failure(HEIM_STATE, "no configuration is loaded");
    const heim_proxy_options wanted = options_of(options);
    auto proxy = std::make_unique<heim_proxy>(wanted);
    const heim::config::Log& log = config->loaded->settings.log;
    proxy->logger.configure(log.level, log.format == heim::config::LogFormat::json);
    proxy->logger.log_lines(LogLevel::warning, config->warnings);
    open_engine(*proxy, *config, seats_of(wanted));
    *out = proxy.release();
  });
}

heim_status heim_proxy_start(heim_proxy* proxy, heim_error* error) {
  return guard(error, [&] {
    require(proxy, "proxy");
    if (std::exchange(proxy->start_tried, true)) {
      throw Failure(HEIM_STATE, "a proxy is started once only");
    }
    if (const auto known = proxy->engine->check_backends(); !known) {
      throw Failure(HEIM_CONFIG, known.error());
    }
    if (proxy->has_sidecar) proxy->sidecar.emplace();
    const heim::Result<void> started =
        proxy->engine->start(proxy->sidecar ? proxy->sidecar->path() : std::string());
    if (!started) throw Failure(HEIM_SYSTEM, started.error());
    proxy->started = true;
    proxy->logger.log(LogLevel::info,
                      "heimproxy " HEIM_VERSION_TEXT " listens on " + join_addresses(*proxy, ", "));
  });
}

heim_status heim_proxy_addresses(heim_proxy* proxy, const char** out, heim_error* error) {
  return guard(error, [&] {
    require(proxy, "proxy");
    require(out, "out");
    std::string text = proxy->started ? join_addresses(*proxy, "\n") : std::string();
    proxy->addresses = std::move(text);
    *out = proxy->addresses.c_str();
  });
}

heim_status heim_proxy_dsn(heim_proxy* proxy, const char* database, const char* user,
                           const char** out, heim_error* error) {
  return guard(error, [&] {
    require(out, "out");
    running(proxy);
    if (!proxy->sidecar) throw Failure(HEIM_STATE, "the proxy was opened without 'sidecar'");
    std::string dsn = "host=" + dsn_value(proxy->sidecar->path()) +
                      " port=" + std::to_string(proxy->sidecar_port);
    if (database) dsn += " dbname=" + dsn_value(database);
    if (user) dsn += " user=" + dsn_value(user);
    proxy->dsn = std::move(dsn);
    *out = proxy->dsn.c_str();
  });
}

heim_status heim_proxy_wait(heim_proxy* proxy, uint64_t timeout_ns, heim_error* error) {
  return guard(error, [&] {
    const std::uint64_t limit = std::min<std::uint64_t>(timeout_ns, forever_ns);
    if (!running(proxy).wait(heim::Duration(limit))) {
      throw Failure(HEIM_TIMED_OUT, heim_status_text(HEIM_TIMED_OUT));
    }
  });
}

heim_status heim_proxy_stop(heim_proxy* proxy, heim_stop how, heim_error* error) {
  return guard(error, [&] {
    const Shutdown way = shutdown_of(how);
    heim::runtime::Engine& engine = running(proxy);
    proxy->logger.log(LogLevel::info, shutdown_text(way));
    engine.shutdown(way);
  });
}

heim_status heim_proxy_reload(heim_proxy* proxy, heim_error* error) {
  return guard(error, [&] {
    heim::runtime::Engine& engine = running(proxy);
    const std::string wrong = engine.reload();
    if (wrong.empty()) return;
    proxy->logger.log_lines(LogLevel::error, wrong);
    proxy->logger.log(LogLevel::error, "the reload failed; everything goes on as before");
    throw Failure(HEIM_CONFIG, heim::capi::first_line(wrong));
  });
}

void heim_proxy_close(heim_proxy* proxy) {
  if (!proxy || proxy->process != ::getpid()) return;
  // Also after a start that failed half way: a thread may run.
  const bool ended = proxy->started && proxy->engine->wait(heim::Duration(0));
  if (proxy->start_tried && !ended) proxy->engine->shutdown(Shutdown::now);
  if (proxy->started) proxy->engine->wait(heim::Duration(forever_ns));
  delete proxy;
}
