#include "capi/log_line.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using heim::capi::WallTime;

namespace {

constexpr WallTime noon{std::chrono::milliseconds(1'795'262'400'123)};

std::string log_line(heim_log_format format, heim_log_level level, std::string_view text,
                     WallTime now, int pid) {
  const heim_log_line line{sizeof line, level, format, text.data(), text.size()};
  return heim::capi::log_line(line, now, pid);
}

}  // namespace

TEST_CASE("lines for people") {
  CHECK(log_line(HEIM_LOG_TEXT, HEIM_LOG_INFO, "hello \"you\"", noon, 42) ==
        "2026-11-21 12:00:00.123 UTC [42] INFO hello \"you\"\n");
  CHECK(log_line(HEIM_LOG_TEXT, HEIM_LOG_WARNING, "", noon, 1) ==
        "2026-11-21 12:00:00.123 UTC [1] WARNING \n");
}

TEST_CASE("lines for programs") {
  CHECK(log_line(HEIM_LOG_JSON, HEIM_LOG_ERROR, "a \"b\" \\ \xC3\xBC", noon, 42) ==
        "{\"ts\":\"2026-11-21T12:00:00.123Z\",\"level\":\"error\","
        "\"msg\":\"a \\\"b\\\" \\\\ \xC3\xBC\"}\n");
}

TEST_CASE("no text forges a line") {
  CHECK(log_line(HEIM_LOG_TEXT, HEIM_LOG_INFO, "a\nb\xFF", noon, 1).ends_with("a\\x0ab\\xff\n"));
  CHECK(log_line(HEIM_LOG_JSON, HEIM_LOG_INFO, "a\nb\xFF", noon, 1)
            .ends_with("\"a\\\\x0ab\\\\xff\"}\n"));
}

TEST_CASE("the levels' names") {
  const auto has = [](heim_log_level level, const char* people, const char* programs) {
    return log_line(HEIM_LOG_TEXT, level, "x", noon, 1).ends_with(std::string(people) + " x\n") &&
           log_line(HEIM_LOG_JSON, level, "x", noon, 1).find(programs) != std::string::npos;
  };
  CHECK(has(HEIM_LOG_DEBUG, "] DEBUG", "\"debug\""));
  CHECK(has(HEIM_LOG_INFO, "] INFO", "\"info\""));
  CHECK(has(HEIM_LOG_WARNING, "] WARNING", "\"warning\""));
  CHECK(has(HEIM_LOG_ERROR, "] ERROR", "\"error\""));
}

TEST_CASE("times at the edges") {
  const auto at = [](std::int64_t ms) {
    return log_line(HEIM_LOG_TEXT, HEIM_LOG_INFO, "", WallTime(std::chrono::milliseconds(ms)), 1)
        .substr(0, 23);
  };
  CHECK(at(0) == "1970-01-01 00:00:00.000");
  CHECK(at(-1) == "1969-12-31 23:59:59.999");
  CHECK(at(951'782'399'999) == "2000-02-28 23:59:59.999");
}
