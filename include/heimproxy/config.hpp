// config.hpp -- part of heimproxy.hpp: configurations.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "heimproxy/result.hpp"

namespace heimproxy {

class Config {
 public:
  static Config file(const std::string& path) {
    Config config;
    config.load_file(path);
    return config;
  }
  static Config text(std::string_view text) {
    Config config;
    config.load_text(text);
    return config;
  }
  /// Empty.
  Config() {
    heim_config* handle = nullptr;
    detail::check([&](heim_error* error) { return heim_config_new(&handle, error); });
    handle_.reset(handle);
  }
  const heim_config* handle() const { return handle_.get(); }

  /// In the place of what was loaded before. An Error says the first thing that is wrong.
  void load_file(const std::string& path) {
    detail::check([&](heim_error* error) {
      return heim_config_load_file(handle_.get(), path.c_str(), error);
    });
  }
  void load_text(std::string_view text, heim_config_format format = HEIM_CONFIG_DETECT) {
    detail::check([&](heim_error* error) {
      return heim_config_load_text(handle_.get(), text.data(), text.size(), format, error);
    });
  }
  /// All that the last load found wrong, and what it found doubtful: one line each.
  std::string diagnostics() const { return heim_config_diagnostics(handle()); }
  std::string warnings() const { return heim_config_warnings(handle()); }
  /// Every effective value and where it came from, as TOML.
  std::string print() {
    return detail::text(
        [&](auto out, auto error) { return heim_config_print(handle_.get(), out, error); });
  }
  /// The effective value of a key: "log.format".
  std::string get(const std::string& key) {
    return detail::text([&](auto out, auto error) {
      return heim_config_get(handle_.get(), key.c_str(), out, error);
    });
  }

 private:
  std::unique_ptr<heim_config, detail::Free<heim_config_free>> handle_;
};

}  // namespace heimproxy
