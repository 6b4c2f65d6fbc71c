// heimproxy.hpp -- heimproxy.h for C++20: owners, ranges, exceptions, coroutines. Header-only; only
// the C ABI below it is binary-stable.
//
//   heimproxy::Proxy proxy(heimproxy::Config::file("heimproxy.toml"));
//   proxy.start();
//   heimproxy::Session session = proxy.open({.user = "app", .database = "orders"});
//   for (heimproxy::Row row : session.run("SELECT id, name FROM items WHERE price > $1", 9.5))
//     use(row[0].as<int>(), row["name"].text());
//
// Owners (Config, Proxy, Session, Transaction, Router) move and do not copy. Views (Result, Row,
// Value) are lent: until the session is asked for something else. What fails throws Error; each
// try_ call gives an Expected instead. Threads: as heimproxy.h says of the handle.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "heimproxy/backend.hpp"
#include "heimproxy/config.hpp"
#include "heimproxy/router.hpp"
#include "heimproxy/session.hpp"

namespace heimproxy {

struct ProxyOptions {
  bool sidecar = false;
  std::uint32_t seats = 0;
  heim_log_level log_level = HEIM_LOG_CONFIGURED;
  /// As heim_log_callback. What it throws goes no further: that line is lost.
  std::function<void(const heim_log_line&)> log = {};
};

class Proxy {
 public:
  explicit Proxy(const Config& config, ProxyOptions options = {})
      : log_(options.log ? std::make_unique<Log>(std::move(options.log)) : nullptr) {
    heim_proxy_options given = HEIM_PROXY_OPTIONS_INIT;
    given.sidecar = options.sidecar;
    given.seats = options.seats;
    given.log_level = options.log_level;
    if (log_) {
      given.log = on_line;
      given.user_data = log_.get();
    }
    heim_proxy* handle = nullptr;
    detail::check([&](heim_error* error) {
      return heim_proxy_open(config.handle(), &given, &handle, error);
    });
    handle_.reset(handle);
  }
  heim_proxy* handle() const { return handle_.get(); }
  /// Before the start, for nodes of the configuration that name it. `open` is called on threads of
  /// the library.
  void add_query_backend(const std::string& name, OpenQuery open) {
    using Calls = detail::QueryCallbacks;
    heim_query_backend backend = HEIM_QUERY_BACKEND_INIT;
    backend.open = Calls::open;
    backend.execute = Calls::execute;
    backend.describe = Calls::describe;
    backend.reset = Calls::reset;
    backend.cancel = Calls::cancel;
    backend.close = Calls::close;
    backend.user_data = keep(std::move(open));
    detail::check([&](auto error) {
      return heim_proxy_add_query_backend(handle(), name.c_str(), &backend, error);
    });
  }
  void add_backend(const std::string& name, OpenMessage open) {
    using Calls = detail::MessageCallbacks;
    heim_backend backend = HEIM_BACKEND_INIT;
    backend.open = Calls::open;
    backend.message = Calls::message;
    backend.cancel = Calls::cancel;
    backend.close = Calls::close;
    backend.user_data = keep(std::move(open));
    detail::check([&](auto error) {
      return heim_proxy_add_backend(handle(), name.c_str(), &backend, error);
    });
  }
  void start() {
    detail::check([&](heim_error* error) { return heim_proxy_start(handle(), error); });
  }
  /// [any thread]
  void stop(heim_stop how = HEIM_STOP_WAIT_FOR_CLIENTS) {
    detail::check([&](heim_error* error) { return heim_proxy_stop(handle(), how, error); });
  }
  /// [any thread] False: `limit` passed first.
  bool wait(Nanoseconds limit = forever) {
    heim_error error;
    const heim_status status = heim_proxy_wait(handle(), detail::limit(limit), &error);
    if (status != HEIM_OK && status != HEIM_TIMED_OUT) throw Error(error);
    return status == HEIM_OK;
  }
  /// [any thread]
  void reload() {
    detail::check([&](heim_error* error) { return heim_proxy_reload(handle(), error); });
  }
  /// Those that are bound.
  std::vector<std::string> addresses() {
    const std::string lines = detail::text(
        [&](auto out, auto error) { return heim_proxy_addresses(handle(), out, error); });
    std::vector<std::string> all;
    for (std::size_t from = 0, end; from < lines.size(); from = end + 1) {
      end = std::min(lines.find('\n', from), lines.size());
      all.push_back(lines.substr(from, end - from));
    }
    return all;
  }
  std::string dsn(const std::string& database = {}, const std::string& user = {}) {
    return detail::text([&](auto out, auto error) {
      return heim_proxy_dsn(handle(), detail::or_null(database), detail::or_null(user), out, error);
    });
  }
  /// [any thread] A table that was written past the proxy; with neither, all that is kept.
  void invalidate(const std::string& database = {}, const std::string& table = {}) {
    detail::check([&](heim_error* error) {
      return heim_proxy_invalidate(handle(), detail::or_null(database), detail::or_null(table),
                                   error);
    });
  }
  /// [any thread] Tables whose names are like a pattern of SQL's LIKE.
  void invalidate_like(const std::string& pattern, const std::string& database = {}) {
    detail::check([&](heim_error* error) {
      return heim_proxy_invalidate_like(handle(), detail::or_null(database), pattern.c_str(),
                                        error);
    });
  }
  /// [any thread] A statement, or its fingerprint.
  void invalidate_query(const std::string& sql) {
    detail::check([&](heim_error* error) {
      return heim_proxy_invalidate_query(handle(), sql.c_str(), error);
    });
  }
  /// As JSON.
  std::string show(const std::string& what) {
    return detail::text(
        [&](auto out, auto error) { return heim_proxy_show(handle(), what.c_str(), out, error); });
  }
  /// [any thread]
  Session open(const SessionOptions& options) {
    heim_session_options given = HEIM_SESSION_OPTIONS_INIT;
    given.user = options.user.c_str();
    given.database = detail::or_null(options.database);
    given.password = detail::or_null(options.password);
    given.application_name = detail::or_null(options.application_name);
    given.result_bytes_max = options.result_bytes_max;
    std::vector<const char*> settings;
    for (const auto& [name, value] : options.settings) {
      settings.push_back(name.c_str());
      settings.push_back(value.c_str());
    }
    settings.push_back(nullptr);
    given.settings = settings.data();
    heim_session* session = nullptr;
    detail::check(
        [&](heim_error* error) { return heim_session_open(handle(), &given, &session, error); });
    return Session(session);
  }

 private:
  using Log = std::function<void(const heim_log_line&)>;
  static void on_line(const heim_log_line* line, void* log) {
    try {
      (*static_cast<Log*>(log))(*line);
    } catch (...) {
      // Whom to tell?
    }
  }
  template <class Kept>
  void* keep(Kept kept) {
    auto held = std::make_shared<Kept>(std::move(kept));
    return kept_.emplace_back(std::move(held)).get();
  }
  std::unique_ptr<Log> log_;
  std::vector<std::shared_ptr<void>> kept_;  // of backends
  std::unique_ptr<heim_proxy, detail::Free<heim_proxy_close>> handle_;
};

}  // namespace heimproxy
