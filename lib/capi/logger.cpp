#include "capi/logger.hpp"

#include <algorithm>

#include "config/text.hpp"

namespace heim::capi {
namespace {

/// A kind that does not come again must not keep its count for itself.
constexpr auto tell_every = std::chrono::seconds(60);

heim_log_level public_level(LogLevel level) {
  return static_cast<heim_log_level>(static_cast<int>(level) + HEIM_LOG_DEBUG);
}

LogLevel own_level(heim_log_level level) {
  if (level == HEIM_LOG_CONFIGURED) return LogLevel::info;  // until configure()
  return static_cast<LogLevel>(level - HEIM_LOG_DEBUG);
}

LogLevel level_named(std::string_view name) {
  if (name == "debug") return LogLevel::debug;
  if (name == "warning") return LogLevel::warning;
  if (name == "error") return LogLevel::error;
  return LogLevel::info;
}

void put_escaped(std::string& to, char c) {
  constexpr std::string_view digits = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  to += "\\x";
  to += digits[byte >> 4];
  to += digits[byte & 15];
}

/// The length of the well-formed character that `text` begins with, or 0.
std::size_t character(std::string_view text) {
  for (std::size_t length = 1; length <= std::min<std::size_t>(4, text.size()); ++length) {
    if (config::is_utf8(text.substr(0, length))) return length;
  }
  return 0;
}

}  // namespace

std::string clean_line(std::string_view text) {
  if (config::is_utf8(text) && !config::has_control(text, false)) return std::string(text);
  std::string clean;
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view one = text.substr(at, character(text.substr(at)));
    if (one.empty() || config::has_control(one, false)) {
      put_escaped(clean, text[at++]);
    } else {
      clean += one;
      at += one.size();
    }
  }
  return clean;
}

CallbackLogger::CallbackLogger(heim_log_level level, heim_log_callback callback, void* user_data,
                               Now now)
    : follows_(level == HEIM_LOG_CONFIGURED),
      callback_(callback),
      user_data_(user_data),
      now_(std::move(now)),
      level_(own_level(level)) {}

CallbackLogger::~CallbackLogger() {
  try {
    tell_left_out();
  } catch (const std::bad_alloc&) {
    // No log is worth an end of the program.
  }
}

void CallbackLogger::configure(std::string_view least, bool json) {
  if (follows_) level_.store(level_named(least), std::memory_order_relaxed);
  json_.store(json, std::memory_order_relaxed);
}

void CallbackLogger::log(LogLevel level, std::string_view text) noexcept {
  if (!callback_ || level < this->level()) return;
  try {
    const std::lock_guard lock(mutex_);
    pass(level, text);
  } catch (const std::exception&) {
    // Out of memory: the work goes on, the line is lost.
  }
}

void CallbackLogger::log_lines(LogLevel level, std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) log(level, text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void CallbackLogger::pass(LogLevel level, std::string_view text) {
  const Instant now = now_();
  const LogLimit::Verdict verdict = limit_.judge(level, text, now);
  if (verdict.pass && verdict.left_out > 0) {
    call(level, std::string(text) + " (" + std::to_string(verdict.left_out) +
                    " similar lines were left out)");
  } else if (verdict.pass) {
    call(level, text);
  }
  if (now - told_ < tell_every) return;
  if (told_ != Instant{}) tell_left_out();
  told_ = now;
}

void CallbackLogger::tell_left_out() {
  const std::uint64_t count = limit_.take_left_out();
  if (count == 0) return;
  call(LogLevel::warning, std::to_string(count) + " log lines were left out: too many of a kind");
}

void CallbackLogger::call(LogLevel level, std::string_view text) {
  const std::string clean = clean_line(text);
  const heim_log_line line{sizeof line, public_level(level),
                           json_.load(std::memory_order_relaxed) ? HEIM_LOG_JSON : HEIM_LOG_TEXT,
                           clean.c_str(), clean.size()};
  callback_(&line, user_data_);
}

}  // namespace heim::capi
