#include "capi/log_limit.hpp"

#include <doctest/doctest.h>

#include <string>

using heim::Instant;
using heim::LogLevel;
using heim::capi::LogLimit;

namespace {

constexpr auto start = Instant(std::chrono::hours(1));
constexpr auto info = LogLevel::info;
constexpr int burst = static_cast<int>(LogLimit::kind_rate.burst);
constexpr int per_second = static_cast<int>(LogLimit::kind_rate.per_second);

std::string client_line(int n, const std::string& what) {
  return "client db/u" + std::to_string(n) + "@10.0.0." + std::to_string(n % 250) + ":4" +
         std::to_string(n) + " " + what;
}

int passed(LogLimit& limit, const std::string& what, int count, Instant now, int from = 0) {
  int sum = 0;
  for (int n = from; n < from + count; ++n) {
    sum += limit.judge(info, client_line(n, what), now).pass;
  }
  return sum;
}

}  // namespace

TEST_CASE("a burst of one kind passes, then as many as its rate; what was left out is counted") {
  LogLimit limit;
  CHECK(passed(limit, "logged in", burst + 50, start) == burst);
  const Instant later = start + std::chrono::seconds(1);
  const LogLimit::Verdict next = limit.judge(info, client_line(7, "logged in"), later);
  CHECK(next.pass);
  CHECK(next.left_out == 50);
  CHECK(passed(limit, "logged in", 100, later) == per_second - 1);
  CHECK(limit.take_left_out() == static_cast<unsigned>(100 - per_second + 1));
  CHECK(limit.take_left_out() == 0);
}

TEST_CASE("kinds do not take from each other, and neither do levels") {
  LogLimit limit;
  CHECK(passed(limit, "logged in", burst + 5, start) == burst);
  CHECK(passed(limit, "ended: password authentication failed", burst, start) == burst);
  CHECK(limit.judge(LogLevel::error, client_line(1, "logged in"), start).pass);
}

TEST_CASE("lines that differ in numbers, names and quoted parts are of one kind") {
  const auto same = [](const std::string& a, const std::string& b) {
    LogLimit limit;
    for (int i = 0; i < burst; ++i) limit.judge(info, a, start);
    return !limit.judge(info, b, start).pass;
  };
  CHECK(same("x 1 y", "x 22 y"));
  CHECK(same("user \"a\" is unknown", "user \"b c\" is unknown"));
  CHECK(same("at a.example:5 closed", "at b.example:61 closed"));
  CHECK(same("ends in \"open", "ends in \"another"));
  CHECK_FALSE(same("client left", "client ended"));
  CHECK_FALSE(same("failed: no", "failed: yes"));
}

TEST_CASE("a peer that invents kinds meets the level's limit, in bounded memory") {
  LogLimit limit;
  int sum = 0;
  for (int n = 0; n < 20000; ++n) {
    std::string kind = "client ";
    for (int rest = n; rest > 0; rest /= 20) kind += static_cast<char>('a' + rest % 20);
    sum += limit.judge(info, kind, start).pass;
  }
  CHECK(sum <= static_cast<int>(LogLimit::level_rate.burst));
  CHECK(limit.take_left_out() == static_cast<unsigned>(20000 - sum));
  // Later there is room again, and nothing of it is forgotten.
  const Instant later = start + std::chrono::minutes(1);
  CHECK(limit.judge(info, "a new kind", later).pass);
  CHECK(passed(limit, "logged in", burst, later) == burst);
}

TEST_CASE("any text is a line: empty, quotes, spaces") {
  LogLimit limit;
  for (const char* text : {"", " ", "\"", "\"\"", "  a", "a ", ":", "...", "\"a\"b\"c"}) {
    CHECK(limit.judge(info, text, start).pass);
  }
}
