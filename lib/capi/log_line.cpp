#include "capi/log_line.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string_view>

#include "capi/logger.hpp"

namespace heim::capi {
namespace {

struct LevelNames {
  const char* people;
  const char* programs;
};

LevelNames names(heim_log_level level) {
  switch (level) {
    case HEIM_LOG_DEBUG:
      return {"DEBUG", "debug"};
    case HEIM_LOG_WARNING:
      return {"WARNING", "warning"};
    case HEIM_LOG_ERROR:
      return {"ERROR", "error"};
    default:
      return {"INFO", "info"};
  }
}

/// "2026-11-21T12:00:00.123", in UTC; 'T' is `between`.
std::string stamp(WallTime now, char between) {
  using namespace std::chrono;
  const auto day = floor<days>(now);
  const year_month_day date(day);
  const hh_mm_ss time(floor<milliseconds>(now - day));
  std::array<char, 96> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02u%c%02d:%02d:%02d.%03d",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), between, static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()),
                static_cast<int>(time.subseconds().count()));
  return text.data();
}

/// In one write, so that lines of several processes do not mix.
void write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno != EINTR) return;  // nobody to tell it to
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

std::string log_line(const heim_log_line& line, WallTime now, int pid) {
  const std::string text = clean_line({line.text, line.length});
  if (line.format == HEIM_LOG_JSON) {
    return "{\"ts\":\"" + stamp(now, 'T') + "Z\",\"level\":\"" + names(line.level).programs +
           "\",\"msg\":" + nlohmann::json(text).dump() + "}\n";
  }
  return stamp(now, ' ') + " UTC [" + std::to_string(pid) + "] " + names(line.level).people + " " +
         text + "\n";
}

}  // namespace heim::capi

void heim_log_write(const heim_log_line* line, void* descriptor) {
  if (!line || !line->text) return;
  try {
    const int to = descriptor ? *static_cast<const int*>(descriptor) : STDERR_FILENO;
    heim::capi::write_all(
        to, heim::capi::log_line(*line, std::chrono::system_clock::now(), ::getpid()));
  } catch (const std::bad_alloc&) {
    // The line is lost; no exception may pass the C ABI.
  }
}
