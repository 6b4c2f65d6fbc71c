#include "config/address.hpp"

#include <doctest/doctest.h>

namespace heim::config {

TEST_CASE("addresses are read") {
  struct Case {
    const char* text;
    std::optional<Address> value;
  };
  const Case cases[] = {{"127.0.0.1:6432", Address{"127.0.0.1", 6432}},
                        {"127.0.0.1", Address{"127.0.0.1", 1}},
                        {"localhost:1", Address{"localhost", 1}},
                        {"db-1.internal_x:65535", Address{"db-1.internal_x", 65535}},
                        {":6432", Address{"0.0.0.0", 6432}},
                        {"*:6432", Address{"0.0.0.0", 6432}},
                        {"*", Address{"0.0.0.0", 1}},
                        {"[::1]:6432", Address{"::1", 6432}},
                        {"[::1]", Address{"::1", 1}},
                        {"[::]:80", Address{"::", 80}},
                        {"[fe80::1%eth0]:80", Address{"fe80::1%eth0", 80}},
                        {"[::ffff:10.0.0.1]:80", Address{"::ffff:10.0.0.1", 80}},
                        {"", std::nullopt},
                        {":", std::nullopt},
                        {"::1", std::nullopt},
                        {"::1:6432", std::nullopt},
                        {"host:", std::nullopt},
                        {"host:0", std::nullopt},
                        {"host:65536", std::nullopt},
                        {"host:5x", std::nullopt},
                        {"host:+5", std::nullopt},
                        {"ho st:5", std::nullopt},
                        {"-host:5", std::nullopt},
                        {"[::1]6432", std::nullopt},
                        {"[::1", std::nullopt},
                        {"[]:80", std::nullopt},
                        {"[host]:80", std::nullopt},
                        {"[fe80::1%]:80", std::nullopt},
                        {"[fe80::1%a/b]:80", std::nullopt}};
  for (const Case& each : cases) {
    CAPTURE(each.text);
    CHECK(parse_address(each.text, 1) == each.value);
    if (each.value) CHECK(parse_address(to_text(*each.value), 2) == each.value);
  }
}

TEST_CASE("hosts and loopback addresses are known") {
  for (const char* host : {"localhost", "127.0.0.1", "127.1.2.3", "::1"}) {
    CAPTURE(host);
    CHECK(is_host(host));
    CHECK(is_loopback(host));
  }
  for (const char* host : {"0.0.0.0", "10.0.0.1", "db", "::", "127.example.com", "1270.0.0.1"}) {
    CAPTURE(host);
    CHECK(is_host(host));
    CHECK_FALSE(is_loopback(host));
  }
  CHECK_FALSE(is_host(""));
  CHECK_FALSE(is_host("[::1]"));
  CHECK_FALSE(is_host("a:1"));
}

}  // namespace heim::config
