// The state map's edges: texts that would be taken for something else. See tests/fuzz/state.cpp.
#include <doctest/doctest.h>

#include <array>
#include <string>
#include <string_view>

#include "bench.hpp"
#include "session/settings.hpp"
#include "session/state_probe.hpp"
#include "wire/encoder.hpp"

using namespace heim;
using namespace heim::session::test;
using heim::session::parse_options;
using heim::session::StateAnswer;

TEST_CASE("options cannot name what a list holds a prepared statement under") {
  std::vector<std::pair<std::string, std::string>> out;
  CHECK_FALSE(parse_options("-c \x01x=y", out));
  CHECK_FALSE(parse_options("--\x01x=y", out));
  CHECK_FALSE(parse_options("-c =y", out));
  CHECK(out.empty());
  CHECK(parse_options("-c a-b=y", out));
  CHECK(out.at(0).first == "a_b");
}

SCRIPT("a startup parameter cannot pass for a prepared statement") {
  Client& client = bench.connect();
  client.sends(startup({{"user", "app"}, {"database", "db"}, {"\x01x", "DROP TABLE t"}}));
  client.receives_error("42704", "FATAL");
  client.is_closed();
}

TEST_CASE("a zero in the state's answer is no text of a server's") {
  using namespace std::string_view_literals;
  StateAnswer answer;
  std::string row;
  wire::data_row(row, std::array{"n"sv, "a\0b"sv, ""sv, ""sv});
  answer.add(as_bytes(row).subspan(5));
  CHECK(answer.malformed);
  CHECK(answer.channels.empty());
}
