// heimproxy.hpp -- heimproxy.h for C++20: owners, ranges, exceptions, coroutines. Header-only; only
// the C ABI below it is binary-stable.
//
//   heimproxy::Proxy proxy(heimproxy::Config::file("heimproxy.toml"));
//   proxy.start();
//   heimproxy::Session session = proxy.open({.user = "app", .database = "orders"});
//   for (heimproxy::Row row : session.run("SELECT id, name FROM items WHERE price > $1", 9.5))
//     use(row[0].as<int>(), row["name"].text());
//
// Owners (Config, Proxy, Session, Transaction) move and do not copy. Views (Result, Row, Value) are
// lent: until the session is asked for something else. What fails throws Error; each try_ call
// gives an Expected instead. Threads: as heimproxy.h says of the handle.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "heimproxy/session.hpp"

namespace heimproxy {

class Config {
 public:
  static Config file(const std::string& path) {
    return made([&](heim_config* config, heim_error* error) {
      return heim_config_load_file(config, path.c_str(), error);
    });
  }
  static Config text(std::string_view text) {
    return made([&](heim_config* config, heim_error* error) {
      return heim_config_load_text(config, text.data(), text.size(), HEIM_CONFIG_DETECT, error);
    });
  }
  const heim_config* handle() const { return handle_.get(); }

 private:
  template <class Load>
  static Config made(Load&& load) {
    heim_config* handle = nullptr;
    detail::check([&](heim_error* error) { return heim_config_new(&handle, error); });
    Config config;
    config.handle_.reset(handle);
    detail::check([&](heim_error* error) { return load(handle, error); });
    return config;
  }
  std::unique_ptr<heim_config, detail::Free<heim_config_free>> handle_;
};

struct ProxyOptions {
  bool sidecar = false;
  std::uint32_t seats = 0;
  std::function<void(heim_log_level, std::string_view)> log = {};
};

class Proxy {
 public:
  explicit Proxy(const Config& config, ProxyOptions options = {})
      : log_(options.log ? std::make_unique<Log>(std::move(options.log)) : nullptr) {
    heim_proxy_options given = HEIM_PROXY_OPTIONS_INIT;
    given.sidecar = options.sidecar;
    given.seats = options.seats;
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
  std::string dsn(const std::string& database = {}, const std::string& user = {}) {
    return text([&](auto out, auto error) {
      return heim_proxy_dsn(handle(), detail::or_null(database), detail::or_null(user), out, error);
    });
  }
  /// As JSON.
  std::string show(const std::string& what) {
    return text(
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
  using Log = std::function<void(heim_log_level, std::string_view)>;
  static void on_line(const heim_log_line* line, void* user_data) {
    (*static_cast<Log*>(user_data))(line->level, {line->text, line->length});
  }
  template <class Call>
  std::string text(Call&& call) {
    const char* out = "";
    detail::check([&](heim_error* error) { return call(&out, error); });
    return out;
  }
  std::unique_ptr<Log> log_;
  std::unique_ptr<heim_proxy, detail::Free<heim_proxy_close>> handle_;
};

}  // namespace heimproxy
