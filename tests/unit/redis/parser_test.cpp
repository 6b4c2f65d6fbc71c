// Values of RESP, whole, byte by byte, and with more behind them; and what is none.
#include "redis/parser.hpp"

#include <doctest/doctest.h>

#include "redis/command.hpp"

using namespace heim;
using namespace heim::redis;
using Kind = Value::Kind;

namespace {

// A value as a person writes it.
std::string show(const Value& value) {
  const auto list = [&](std::string_view open, std::string_view close) {
    std::string out(open);
    for (const Value& item : value.items) (out += show(item)) += ' ';
    if (!value.items.empty()) out.pop_back();
    return out += close;
  };
  switch (value.kind) {
    case Kind::null:
      return "null";
    case Kind::text:
      return "'" + value.text + "'";
    case Kind::error:
      return "!" + value.text;
    case Kind::number:
      return std::to_string(value.number);
    case Kind::real:
      return value.text + "f";
    case Kind::boolean:
      return value.number != 0 ? "true" : "false";
    case Kind::list:
      return list("[", "]");
    case Kind::map:
      return list("{", "}");
    case Kind::push:
      return list(">[", "]");
  }
  return {};
}

std::string show(const std::vector<Value>& values) {
  std::string out;
  for (const Value& value : values) (out += show(value)) += ';';
  return out;
}

struct Case {
  std::string_view bytes, shown;
};

constexpr Case cases[] = {
    {"+OK\r\n", "'OK';"},
    {"+\r\n", "'';"},
    {"-ERR no such thing\r\n", "!ERR no such thing;"},
    {":0\r\n", "0;"},
    {":-42\r\n", "-42;"},
    {":+7\r\n", "7;"},
    {":9223372036854775807\r\n", "9223372036854775807;"},
    {"$5\r\nhello\r\n", "'hello';"},
    {"$0\r\n\r\n", "'';"},
    {"$4\r\n\r\n\r\n\r\n", "'\r\n\r\n';"},
    {"$-1\r\n", "null;"},
    {"*-1\r\n", "null;"},
    {"_\r\n", "null;"},
    {"*0\r\n", "[];"},
    {"*2\r\n:1\r\n*1\r\n+x\r\n", "[1 ['x']];"},
    {"*3\r\n$-1\r\n*0\r\n_\r\n", "[null [] null];"},
    {"#t\r\n#f\r\n", "true;false;"},
    {",1.5\r\n,inf\r\n", "1.5f;inff;"},
    {"(123456789012345678901234567890\r\n", "'123456789012345678901234567890';"},
    {"!8\r\nERR a\r\nb\r\n", "!ERR a\r\nb;"},
    {"=8\r\ntxt:abcd\r\n", "'abcd';"},
    {"%2\r\n+a\r\n:1\r\n+b\r\n*0\r\n", "{'a' 1 'b' []};"},
    {"%0\r\n", "{};"},
    {"~2\r\n:1\r\n:2\r\n", "[1 2];"},
    {">3\r\n+message\r\n+c\r\n$1\r\nx\r\n", ">['message' 'c' 'x'];"},
    {"|1\r\n+ttl\r\n:5\r\n:1\r\n", "1;"},
    {"|0\r\n:1\r\n", "1;"},
    {"*2\r\n|1\r\n+a\r\n%1\r\n+b\r\n+c\r\n:1\r\n:2\r\n", "[1 2];"},
    {"+a\r\n>1\r\n+p\r\n:2\r\n", "'a';>['p'];2;"},
};

constexpr std::string_view not_resp[] = {
    "hello\r\n",
    "\r\n",
    "+no end\n",
    ":\r\n",
    ":1x\r\n",
    ":99999999999999999999\r\n",
    "$-2\r\n",
    "$3\r\nabcd\r\n",
    "$1\r\nabc",
    "*-2\r\n",
    "%-1\r\n",
    "#x\r\n",
    "_x\r\n",
    "$?\r\n",
    "*?\r\n",
    "=3\r\nabc\r\n",
    "*1\r\n>1\r\n+x\r\n",
    "HTTP/1.1 400 Bad Request\r\n",
};

}  // namespace

TEST_CASE("what a server says") {
  for (const Case& each : cases) {
    CAPTURE(each.bytes);
    SUBCASE("whole") {
      Parser parser;
      std::vector<Value> values;
      CHECK(parser.feed(as_bytes(each.bytes), values));
      CHECK(show(values) == each.shown);
      CHECK(parser.is_between());
    }
    SUBCASE("byte by byte, and the next begins") {
      Parser parser;
      std::vector<Value> values;
      for (const char& byte : each.bytes) REQUIRE(parser.feed(as_bytes({&byte, 1}), values));
      CHECK(show(values) == each.shown);
      CHECK(parser.feed(as_bytes("+mo"), values));
      CHECK(show(values) == each.shown);
      CHECK(!parser.is_between());
      CHECK(parser.feed(as_bytes("re\r\n"), values));
      CHECK(show(values) == std::string(each.shown) + "'more';");
    }
    SUBCASE("without its end") {
      Parser parser;
      std::vector<Value> values;
      CHECK(parser.feed(as_bytes(each.bytes.substr(0, each.bytes.size() - 1)), values));
      CHECK(show(values) != each.shown);
      CHECK(!parser.is_between());
    }
  }
}

TEST_CASE("what is none") {
  for (const std::string_view bytes : not_resp) {
    CAPTURE(bytes);
    Parser parser;
    std::vector<Value> values;
    CHECK(!parser.feed(as_bytes(bytes), values));
    CHECK(!parser.error().empty());
    CHECK(!parser.feed(as_bytes("+OK\r\n"), values));
    CHECK(values.empty());
  }
}

TEST_CASE("limits") {
  const Parser::Limits limits{.bytes = 100, .items = 10, .depth = 3};
  struct Limit {
    std::string bytes;
    bool fits;
  };
  const Limit table[] = {
      {"$90\r\n" + std::string(90, 'x') + "\r\n", true},
      {"$101\r\n", false},
      {"*2\r\n$45\r\n" + std::string(45, 'x') + "\r\n$60\r\n", false},
      {"*9\r\n", true},
      {"*10000000\r\n", false},
      {"%6\r\n+1\r\n+2\r\n+3\r\n+4\r\n+5\r\n+6\r\n+7\r\n+8\r\n+9\r\n+0\r\n+1\r\n", false},
      {"*1\r\n*1\r\n*1\r\n:1\r\n", true},
      {"*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", false},
      {"+" + std::string(70'000, 'x'), false},
  };
  for (const Limit& each : table) {
    CAPTURE(each.bytes);
    Parser parser(limits);
    std::vector<Value> values;
    CHECK(parser.feed(as_bytes(each.bytes), values) == each.fits);
  }
  // Each value has its own.
  Parser parser(limits);
  std::vector<Value> values;
  const std::string one = "$90\r\n" + std::string(90, 'x') + "\r\n";
  for (int i = 0; i < 5; ++i) CHECK(parser.feed(as_bytes(one), values));
  CHECK(values.size() == 5);
}

TEST_CASE("commands, and what is found in answers") {
  std::string out;
  command(out, {"SET", "a b", ""});
  CHECK(out == "*3\r\n$3\r\nSET\r\n$3\r\na b\r\n$0\r\n\r\n");
  Parser parser;
  std::vector<Value> values;
  CHECK(parser.feed(as_bytes("%1\r\n+role\r\n+master\r\n-NOAUTH who\r\n-NOAUTHS\r\n"), values));
  REQUIRE(values[0].find("role") != nullptr);
  CHECK(values[0].find("role")->text == "master");
  CHECK(values[0].find("mode") == nullptr);
  CHECK(values[1].is_error("NOAUTH"));
  CHECK(!values[2].is_error("NOAUTH"));
}
