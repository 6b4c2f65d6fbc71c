#include "capi/logger.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using heim::LogLevel;
using heim::capi::CallbackLogger;
using heim::capi::clean_line;

namespace {

struct Seen {
  struct Line {
    heim_log_level level;
    heim_log_format format;
    std::string text;
  };
  std::vector<Line> lines;

  static void callback(const heim_log_line* line, void* self) {
    static_cast<Seen*>(self)->lines.push_back(
        {line->level, line->format, {line->text, line->length}});
  }
};

}  // namespace

TEST_CASE("a line is valid UTF-8 without control characters") {
  CHECK(clean_line("plain, Ünïcode \xF0\x9F\x90\x98") == "plain, Ünïcode \xF0\x9F\x90\x98");
  CHECK(clean_line("two\nlines\r\t\x1b[0m") == "two\\x0alines\\x0d\\x09\\x1b[0m");
  CHECK(clean_line("bad \xFF and cut \xF0\x9F") == "bad \\xff and cut \\xf0\\x9f");
  CHECK(clean_line(std::string("zero\0byte", 9)) == "zero\\x00byte");
  CHECK(clean_line("").empty());
}

TEST_CASE("levels: from the configuration, or fixed by an option") {
  Seen seen;
  CallbackLogger follows(HEIM_LOG_CONFIGURED, Seen::callback, &seen);
  follows.log(LogLevel::debug, "no");
  follows.configure("debug", true);
  follows.log(LogLevel::debug, "yes");
  REQUIRE(seen.lines.size() == 1);
  CHECK(seen.lines[0].level == HEIM_LOG_DEBUG);
  CHECK(seen.lines[0].format == HEIM_LOG_JSON);
  CHECK(seen.lines[0].text == "yes");

  CallbackLogger fixed(HEIM_LOG_WARNING, Seen::callback, &seen);
  fixed.configure("debug", false);
  CHECK(fixed.level() == LogLevel::warning);
  fixed.log(LogLevel::info, "no");
  fixed.log(LogLevel::error, "yes");
  CHECK(seen.lines.size() == 2);
}

TEST_CASE("several lines at once") {
  Seen seen;
  CallbackLogger logger(HEIM_LOG_CONFIGURED, Seen::callback, &seen);
  logger.log_lines(LogLevel::warning, "one\ntwo\n\nthree");
  REQUIRE(seen.lines.size() == 3);
  CHECK(seen.lines[2].text == "three");
  logger.log_lines(LogLevel::warning, "");
  CHECK(seen.lines.size() == 3);
}

TEST_CASE("a flood is counted, and the count is told at the end at the latest") {
  Seen seen;
  {
    CallbackLogger logger(HEIM_LOG_CONFIGURED, Seen::callback, &seen);
    for (int i = 0; i < 5000; ++i) logger.log(LogLevel::info, "client " + std::to_string(i));
  }
  CHECK(seen.lines.size() < 1000);
  CHECK(seen.lines.back().text.find("left out") != std::string::npos);
}

TEST_CASE("without a callback there is no log") {
  CallbackLogger logger(HEIM_LOG_DEBUG, nullptr, nullptr);
  logger.log(LogLevel::error, "nowhere");
}
