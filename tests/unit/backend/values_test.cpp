// Values in text and in binary.
#include "backend/values.hpp"

#include <doctest/doctest.h>

using namespace std::string_literals;

namespace heim::backend {
namespace {

struct Case {
  std::uint32_t type;
  std::string text, binary;
};

const Case cases[] = {
    {oid::boolean, "t", "\1"s},
    {oid::boolean, "f", "\0"s},
    {oid::int2, "-2", "\xff\xfe"s},
    {oid::int4, "2147483647", "\x7f\xff\xff\xff"s},
    {oid::int8, "-9223372036854775808", "\x80\0\0\0\0\0\0\0"s},
    {oid::oid, "4294967295", "\xff\xff\xff\xff"s},
    {oid::float4, "1.5", "\x3f\xc0\0\0"s},
    {oid::float8, "-0.25", "\xbf\xd0\0\0\0\0\0\0"s},
    {oid::float8, "Infinity", "\x7f\xf0\0\0\0\0\0\0"s},
    {oid::bytea, "\\x00ff61", "\0\xff"s + "a"},
    {oid::bytea, "\\x", ""},
    {oid::text, "a\xc3\xa4", "a\xc3\xa4"},
};

}  // namespace

TEST_CASE("values go from text to binary and back") {
  for (const Case& each : cases) {
    CAPTURE(each.type);
    CAPTURE(each.text);
    std::string binary, text;
    CHECK(to_binary(each.type, each.text, binary));
    CHECK(binary == each.binary);
    CHECK(to_text(each.type, each.binary, text));
    CHECK(text == each.text);
  }
}

TEST_CASE("what is no such value is refused") {
  constexpr std::uint32_t timestamp = oid::timestamp, interval = 1186;
  std::string out;
  for (const std::string text : {"", "x", "1x", " 1", "99999999999999999999"}) {
    CAPTURE(text);
    CHECK(!to_binary(oid::int8, text, out));
  }
  CHECK(!to_binary(oid::int2, "32768", out));
  CHECK(!to_binary(oid::boolean, "maybe", out));
  CHECK(!to_binary(oid::bytea, "\\x0", out));
  CHECK(!to_binary(oid::bytea, "\\xzz", out));
  CHECK(!to_binary(oid::bytea, "ab", out));
  CHECK(!to_binary(timestamp, "2000-01-01", out));
  CHECK(!to_text(oid::int4, "\0\0\0", out));
  CHECK(!to_text(interval, std::string(16, '\0'), out));
  CHECK(!to_text(timestamp, "\x7f\xff\xff\xff\xff\xff\xff\xff", out));  // infinity
}

TEST_CASE("dates and times are written as PostgreSQL writes them") {
  const Case times[] = {
      {oid::date, "2000-01-01", "\0\0\0\0"s},
      {oid::date, "1999-12-31", "\xff\xff\xff\xff"s},
      {oid::date, "2020-02-29", "\0\0\x1c\xc4"s},
      {oid::time, "00:00:01.5", "\0\0\0\0\0\x16\xe3\x60"s},
      {oid::timestamp, "2000-01-01 00:00:00", "\0\0\0\0\0\0\0\0"s},
      {oid::timestamp, "1999-12-31 23:59:59.999999", "\xff\xff\xff\xff\xff\xff\xff\xff"s},
      {oid::timestamptz, "2000-01-01 00:00:00.000001+00", "\0\0\0\0\0\0\0\1"s},
      {oid::uuid, "00010203-0405-0607-0809-0a0b0c0d0e0f",
       "\0\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"s},
  };
  for (const Case& each : times) {
    std::string text;
    CHECK(to_text(each.type, each.binary, text));
    CHECK(text == each.text);
  }
}

TEST_CASE("NaN is written as PostgreSQL writes it") {
  std::string text;
  CHECK(to_text(oid::float8, "\x7f\xf8\0\0\0\0\0\0"s, text));
  CHECK(text == "NaN");
}

}  // namespace heim::backend
