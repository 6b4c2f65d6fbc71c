#include "session/set_config.hpp"

#include <doctest/doctest.h>

#include "bench.hpp"
#include "wire/encoder.hpp"

using namespace heim;
using namespace heim::session;

namespace {

// "name<-value" of each call; a number is a parameter.
std::string shown(std::string_view sql) {
  std::string out;
  for (const SetConfig& call : set_configs(sql)) {
    const std::string name =
        call.name_parameter == 0 ? call.name : "$" + std::to_string(call.name_parameter);
    out += name + "<-$" + std::to_string(call.value_parameter) + " ";
  }
  return out;
}

using Values = std::vector<std::optional<std::string>>;

std::string body_of(const Values& values) {
  std::string out;
  {
    wire::Writer body(out, 'B');
    body.string("portal").string("statement").u16(1).u16(1);
    body.u16(static_cast<std::uint16_t>(values.size()));
    for (const auto& value : values) {
      body.u32(value ? static_cast<std::uint32_t>(value->size()) : 0xffffffff);
      if (value) body.bytes(*value);
    }
    body.u16(1).u16(0);
  }
  return out.substr(5);
}

}  // namespace

TEST_CASE("set_config: which parameters of a text are names and values") {
  struct {
    std::string_view sql, calls;
  } const rows[] = {
      {"select set_config($1, $2, false)", "$1<-$2 "},
      {"SELECT Set_Config ( $2 , /* a */ $1::text, $3)", "$2<-$1 "},
      {"select pg_catalog.set_config('my.x', $1, true)", "my.x<-$1 "},
      {"select set_config('a', $1, true), set_config($2::text, $3, true)", "a<-$1 $2<-$3 "},
      {"select set_config('a', 'b', true)", ""},
      {"select set_config('it''s', $1, true)", ""},
      {"select set_config(E'a\\n', $1, true)", ""},
      {"select set_config($1 || 'x', $2, true)", ""},
      {"select set_config($1, coalesce($2, ''), true)", ""},
      {"select 'set_config($1, $2, false)'", ""},
      {"select set_config", ""},
      {"select set_config(", ""},
      {"select set_config('a", ""},
      {"", ""},
  };
  for (const auto& row : rows) {
    INFO(row.sql);
    CHECK_EQ(shown(row.sql), row.calls);
  }
}

TEST_CASE("set_config: a value that is NULL is the default, where there is one") {
  const std::vector<SetConfig> calls = {{1, "", 2}, {0, "my.x", 3}};
  const std::string german = "German";
  const auto find = [&](std::string_view name) {
    return name == "datestyle" || name == "my.x" ? &german : nullptr;
  };
  const auto bound = [&](const Values& values) {
    return with_defaults(as_bytes(body_of(values)), calls, find);
  };
  CHECK_EQ(bound({"datestyle", std::nullopt, "x"}), body_of({"datestyle", "German", "x"}));
  CHECK_EQ(bound({std::nullopt, std::nullopt, std::nullopt}),
           body_of({std::nullopt, std::nullopt, "German"}));
  CHECK_FALSE(bound({"datestyle", "ISO", "x"}));
  CHECK_FALSE(bound({"work_mem", std::nullopt, "x"}));
  CHECK_FALSE(bound({"datestyle"}));  // too few: the server says so
  const std::string whole = body_of({"datestyle", std::nullopt, "x"});
  for (std::size_t size = 0; size < whole.size() - 5; ++size) {
    CHECK_FALSE(with_defaults(as_bytes(whole).first(size), calls, find));
  }
}
