#include "control/discovery.hpp"

#include <doctest/doctest.h>

using namespace heim;
using namespace heim::control;
using cluster::Role;

TEST_CASE("where a standby listens, by a template") {
  Sender sender;
  sender.client_addr = "10.0.0.2";
  sender.application_name = "5433";
  const auto at = [&](const char* pattern) {
    const auto found = found_by_sender(sender, pattern);
    return found ? found->host + ' ' + std::to_string(found->port) : std::string("none");
  };
  CHECK(at("{client_addr}") == "10.0.0.2 5432");
  CHECK(at("{client_addr}:6000") == "10.0.0.2 6000");
  CHECK(at("{client_addr}:{application_name}") == "10.0.0.2 5433");
  CHECK(at("db{application_name}.internal:5432") == "db5433.internal 5432");
  CHECK(at("{client_hostname}:5432") == "none");
  CHECK(at("{client_addr") == "none");
  sender.client_addr = "fd00::2";
  CHECK(at("{client_addr}:5432") == "fd00::2 5432");
}

TEST_CASE("Patroni's members") {
  const auto found = found_by_patroni(R"({"members": [
    {"name": "a", "role": "leader", "state": "running", "api_url": "http://10.0.0.1:8008/patroni",
     "host": "10.0.0.1", "port": 5432, "timeline": 3},
    {"name": "b", "role": "replica", "state": "streaming", "host": "10.0.0.2", "port": 5433,
     "timeline": 3, "lag": 0},
    {"name": "c", "role": "replica", "state": "start failed", "host": "10.0.0.3", "port": 5432},
    {"name": "d", "role": "sync_standby", "state": "running", "host": "10.0.0.4"}
  ], "scope": "demo"})");
  REQUIRE(found);
  REQUIRE(found->size() == 3);
  CHECK((*found)[0].name == "a");
  CHECK((*found)[0].role == Role::primary);
  CHECK((*found)[1].port == 5433);
  CHECK((*found)[1].role == Role::standby);
  CHECK((*found)[2].name == "d");
  for (const char* bad : {"", "[]", "{}", "{\"members\": 1}", "<html>"}) {
    CAPTURE(bad);
    CHECK_FALSE(found_by_patroni(bad));
  }
}
