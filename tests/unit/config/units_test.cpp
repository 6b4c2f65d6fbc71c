#include "config/units.hpp"

#include <doctest/doctest.h>

namespace heim::config {

using namespace std::chrono_literals;

TEST_CASE("durations are read") {
  struct Case {
    const char* text;
    std::optional<Duration> value;
  };
  const Case cases[] = {
      {"0s", 0ns},
      {"250ms", 250ms},
      {"5s", 5s},
      {"2min", 2min},
      {"1h", 1h},
      {"7d", 168h},
      {"10us", 10us},
      {"3ns", 3ns},
      {"1.5s", 1500ms},
      {"0.25 ms", 250us},
      {" 1 h ", 1h},
      {"0.000000001s", 1ns},
      {"36500d", 24h * 36500},
      {"0.0000000001s", std::nullopt},           // finer than 1ns
      {"0.0000000000000000001d", std::nullopt},  // more digits than we count
      {"36501d", std::nullopt},
      {"36500.5d", std::nullopt},
      {"9223372036854775808ns", std::nullopt},
      {"", std::nullopt},
      {"5", std::nullopt},
      {"s", std::nullopt},
      {"5m", std::nullopt},
      {"5 S", std::nullopt},
      {"-5s", std::nullopt},
      {"+5s", std::nullopt},
      {"1.s", std::nullopt},
      {".5s", std::nullopt},
      {"1s1ms", std::nullopt},
      {"0x10s", std::nullopt},
  };
  for (const Case& each : cases) {
    CAPTURE(each.text);
    CHECK(parse_duration(each.text) == each.value);
  }
}

TEST_CASE("durations are written in the largest unit that divides, and read back") {
  struct Case {
    Duration value;
    const char* text;
  };
  const Case cases[] = {{0ns, "0s"},      {1ns, "1ns"},  {1500us, "1500us"},
                        {250ms, "250ms"}, {60s, "1min"}, {90s, "90s"},
                        {3600s, "1h"},    {24h, "1d"},   {86401s, "86401s"}};
  for (const Case& each : cases) {
    CHECK(to_text(each.value) == each.text);
    CHECK(parse_duration(each.text) == each.value);
  }
}

TEST_CASE("sizes are read") {
  struct Case {
    const char* text;
    std::optional<std::uint64_t> value;
  };
  const Case cases[] = {{"0", 0},
                        {"100", 100},
                        {"100B", 100},
                        {"8kB", 8192},
                        {"8KB", 8192},
                        {"8KiB", 8192},
                        {"64MiB", 64u << 20},
                        {"1GB", 1u << 30},
                        {"1 GiB", 1u << 30},
                        {"2TiB", 2ull << 40},
                        {"8388607TiB", 8388607ull << 40},
                        {"8388608TiB", std::nullopt},
                        {"9223372036854775808", std::nullopt},
                        {"64Mib", std::nullopt},
                        {"64M", std::nullopt},
                        {"1.5GB", std::nullopt},
                        {"-1", std::nullopt},
                        {"", std::nullopt},
                        {"B", std::nullopt}};
  for (const Case& each : cases) {
    CAPTURE(each.text);
    CHECK(parse_size(each.text) == each.value);
  }
}

TEST_CASE("sizes are written in the largest unit that divides") {
  CHECK(size_text(0) == "0B");
  CHECK(size_text(1000) == "1000B");
  CHECK(size_text(1536) == "1536B");
  CHECK(size_text(2048) == "2KiB");
  CHECK(size_text(64u << 20) == "64MiB");
  CHECK(size_text(3ull << 40) == "3TiB");
}

}  // namespace heim::config
