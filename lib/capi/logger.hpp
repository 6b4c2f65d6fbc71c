// The engine's log, handed to the callback of whoever embeds it.
#pragma once
#include <atomic>
#include <functional>
#include <mutex>
#include <string>

#include "base/log.hpp"
#include "capi/log_limit.hpp"
#include "heimproxy/heimproxy.h"

namespace heim::capi {

/// A line as a callback gets it: valid UTF-8, control characters and what is no UTF-8 as \xNN.
std::string clean_line(std::string_view text);

class CallbackLogger final : public Logger {
 public:
  using Now = std::function<Instant()>;
  /// `level` CONFIGURED follows configure(). `callback` may be null.
  CallbackLogger(heim_log_level level, heim_log_callback callback, void* user_data,
                 Now now = std::chrono::steady_clock::now);
  /// Tells how many lines were left out.
  ~CallbackLogger() override;

  /// Out of memory, a line may be lost.
  void log(LogLevel level, std::string_view text) noexcept override;
  LogLevel level() const override { return level_.load(std::memory_order_relaxed); }
  void configure(std::string_view least, bool json) override;
  /// Each line of `text`, if there is any.
  void log_lines(LogLevel level, std::string_view text);

 private:
  void pass(LogLevel level, std::string_view text);
  void call(LogLevel level, std::string_view text);
  void tell_left_out();

  const bool follows_;
  const heim_log_callback callback_;
  void* const user_data_;
  const Now now_;
  std::atomic<LogLevel> level_;
  std::atomic<bool> json_{false};
  std::mutex mutex_;  // guards what follows, and calls one at a time
  LogLimit limit_;
  Instant told_{};
};

}  // namespace heim::capi
