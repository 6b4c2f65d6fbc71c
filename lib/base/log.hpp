// Logging below the line: an interface, so that the library writes nowhere by itself.
#pragma once
#include <cstdint>
#include <string_view>

namespace heim {

enum class LogLevel : std::uint8_t { debug, info, warning, error };

class Logger {
 public:
  virtual ~Logger() = default;
  /// [any thread] `text` is one line without a line end, borrowed.
  virtual void log(LogLevel level, std::string_view text) = 0;
  /// Lines below this level may be skipped by the caller before they are made.
  virtual LogLevel level() const = 0;
  /// [any thread] A configuration came into force that asks for this level ("info"), and for lines
  /// as JSON objects or not. A logger need not follow.
  virtual void configure(std::string_view /*least*/, bool /*json*/) {}
};

/// Drops everything.
class NullLogger final : public Logger {
 public:
  void log(LogLevel, std::string_view) override {}
  LogLevel level() const override { return LogLevel::error; }
};

}  // namespace heim
