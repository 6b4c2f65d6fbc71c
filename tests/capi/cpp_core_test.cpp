// heimproxy::Core without a socket: what a client's first bytes bring about, by owners and views.
#include <doctest/doctest.h>

#include <cstring>

#include "heimproxy/core.hpp"
#include "heimproxy/heimproxy.hpp"

namespace {

using namespace heimproxy;
using namespace std::chrono_literals;

constexpr const char* configuration =
    "[proxy]\nlisten_address = []\n[auth]\ntype = \"trust\"\n[cache]\nenabled = true\n"
    "[[nodes]]\nname = \"one\"\nhost = \"192.0.2.1\"\nrole = \"primary\"\n"
    "[[nodes]]\nname = \"two\"\nhost = \"192.0.2.2\"\nrole = \"standby\"\n";

// A startup packet of version 3.0.
constexpr char startup[] = "\0\0\0\x20\0\3\0\0user\0app\0database\0shop\0";

/// The first action of a kind; those before it are done.
heim_action first(Core& core, heim_action_kind kind) {
  while (const auto action = core.next_action()) {
    if (action->kind == kind) return *action;
  }
  FAIL("no such action: ", kind);
  return HEIM_ACTION_INIT;
}

Core::Bytes bytes(const char* text, std::size_t count) {
  return std::as_bytes(std::span(text, count));
}

}  // namespace

TEST_CASE("a core of one's own") {
  Core core(Config::text(configuration), 1s, {.parser_thread = true});
  CHECK_FALSE(core.deadline());
  const std::uint64_t client = core.accept("192.0.2.9:40000");
  CHECK(core.deadline());
  core.received(client, bytes(startup, sizeof startup));
  const heim_action dial = first(core, HEIM_ACTION_CONNECT);
  CHECK(std::string(dial.node) == "one");
  CHECK(dial.port == 5432);
  core.connected(dial.connection);
  const heim_action send = first(core, HEIM_ACTION_SEND);
  CHECK(send.connection == dial.connection);
  CHECK(core.unsent(dial.connection).size() == send.length);
  core.sent(dial.connection, send.length);
  CHECK(core.unsent(dial.connection).empty());
  core.advance(2s);
  CHECK_THROWS_AS(core.advance(1s), Error);
  Core moved = std::move(core);
  CHECK(moved.show("CLIENTS").find("\"app\"") != std::string::npos);
  CHECK(moved.show("CACHE").find("\"on\"") != std::string::npos);
  moved.ended(dial.connection, "it broke");
  CHECK(first(moved, HEIM_ACTION_CLOSE).connection == dial.connection);
  moved.ended(client);
  CHECK(first(moved, HEIM_ACTION_CLOSE).connection == client);
  CHECK_THROWS_AS(moved.sent(client, 1), Error);
  moved.stop(HEIM_STOP_NOW);
}

TEST_CASE("what is known of nodes, and of writes elsewhere, a core is told") {
  Core core(Config::text(configuration), 1s);
  core.set_node("two", {.lsn = 1000, .lag = 1ms});
  CHECK_THROWS_AS(core.set_node("one", {.lsn = 1000}), Error);
  CHECK_THROWS_AS(core.set_node("three", {}), Error);
  const std::uint64_t sample = core.begin_sample();
  core.end_sample(sample, 1000);
  CHECK_THROWS_AS(core.end_sample(sample, 1000), Error);
  core.invalidate();
  try {
    core.invalidate("no_such_database");
    FAIL("it knows that database");
  } catch (const Error& error) {
    CHECK(error.sqlstate() == "3D000");
  }
}
