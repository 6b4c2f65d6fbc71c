#include "log_line.hpp"

#include <array>
#include <cstdio>
#include <ctime>

namespace heim::daemon {
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
  using std::chrono::milliseconds;
  const auto ms = std::chrono::floor<milliseconds>(now.time_since_epoch()).count();
  const std::int64_t within = ((ms % 1000) + 1000) % 1000;
  const std::time_t seconds = static_cast<std::time_t>((ms - within) / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 96> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02d%c%02d:%02d:%02d.%03d",
                parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, between, parts.tm_hour,
                parts.tm_min, parts.tm_sec, static_cast<int>(within));
  return text.data();
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (byte < 0x20 || byte == 0x7f) {
      std::array<char, 8> code{};
      std::snprintf(code.data(), code.size(), "\\u%04x", byte);
      out += code.data();
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

std::string log_line(heim_log_format format, heim_log_level level, std::string_view text,
                     WallTime now, int pid) {
  if (format == HEIM_LOG_JSON) {
    return "{\"ts\":\"" + stamp(now, 'T') + "Z\",\"level\":\"" + names(level).programs +
           "\",\"msg\":\"" + escaped(text) + "\"}\n";
  }
  return stamp(now, ' ') + " UTC [" + std::to_string(pid) + "] " + names(level).people + " " +
         std::string(text) + "\n";
}

}  // namespace heim::daemon
