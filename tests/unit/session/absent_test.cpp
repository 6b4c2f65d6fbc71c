#include "session/absent.hpp"

#include <doctest/doctest.h>

#include <string>

#include "messages.hpp"

namespace heim::session {
using test::error;

namespace {

std::string text_of(std::string_view content) {
  return std::string(content.substr(0, content.find('\0')));
}

wire::ErrorView says(std::string_view message, std::string_view position = {}) {
  wire::ErrorView error;
  error.message = message;
  error.position = position;
  return error;
}

wire::ErrorView fails(std::string_view position) {
  return says("relation \"_pg_user_mappings\" does not exist", position);
}

std::string place(std::uint32_t number) {
  const std::string text = text_of(Absent::stand_in(number, {}));
  return std::to_string(text.find("_pg_user_mappings") + 1);
}

}  // namespace

TEST_CASE("absent: a stand-in has the parameters of what it stands for") {
  using namespace std::string_literals;
  const auto types = [](std::string_view content) {
    const std::string out = Absent::stand_in(1, content);
    return out.substr(out.find('\0') + 1);
  };
  CHECK(types({}) == "\0\0"s);
  CHECK(types("select 1\0\0\0"s) == "\0\0"s);
  // int4, and what the server would find out: text.
  CHECK(types("select $1\0\0\2\0\0\0\x17\0\0\0\0"s) == "\0\2\0\0\0\x17\0\0\0\x19"s);
  CHECK(types("select $2\0\0\1\0\0\0\x17"s) == "\0\2\0\0\0\x17\0\0\0\x19"s);
  CHECK(types("select $1\0\0"s) == "\0\1\0\0\0\x19"s);  // cut off
}

TEST_CASE("absent: its error is told as that of the statement") {
  Absent absent;
  CHECK(absent.told(fails("60")).empty());
  const std::uint32_t one = absent.add(), two = absent.add();
  const std::string said = error("42P01", "no t");
  absent.learn(two, as_bytes(said));
  CHECK(absent.told(fails(place(two))) == said);
  CHECK(absent.told(fails(place(one))).empty());  // it could be given
  CHECK(absent.told(fails("")).empty());
  CHECK(absent.told(fails("7")).empty());
  const auto casts = [&](const std::string& name) {
    const std::string message = "invalid input syntax for type integer: \"" + name + "\"";
    return absent.told(says(message));
  };
  CHECK(casts("heim_absent_2") == said);
  CHECK(casts("heim_absent_3").empty());
  CHECK(casts("heim_absent_").empty());
  CHECK(absent.told(says("relation \"t\" does not exist", place(two))).empty());
  absent.clear();
  CHECK(absent.told(fails(place(two))).empty());
}

TEST_CASE("absent: places are told apart, and are bounded") {
  Absent absent;
  std::string before = "0";
  for (std::uint32_t i = 1; i <= Absent::most; ++i) {
    const std::uint32_t number = absent.add();
    REQUIRE(number == i);
    const std::string said = error("42P01", std::to_string(i));
    absent.learn(number, as_bytes(said));
    REQUIRE(absent.told(fails(place(number))) == said);
  }
  CHECK(absent.add() == 1);
}

}  // namespace heim::session
