#include "admin/table.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace heim;
using namespace heim::admin;
using namespace std::string_literals;

namespace {

std::string value(Type type, const Cell& cell, const Formats& formats) {
  std::string out;
  data_row(out, {{"x", type}}, {cell}, formats);
  return out.substr(7);  // header and count
}

}  // namespace

TEST_CASE("a table in the simple protocol, byte for byte") {
  const Table table{{{"a", Type::int4}, {"b", Type::text}}, {{"7", Cell{}}, {Cell{}, ""}}};
  CHECK(encode(table, "SHOW") ==
        "T\0\0\0\x2e\0\2"
        "a\0\0\0\0\0\0\0\0\0\0\x17\0\4\xff\xff\xff\xff\0\0"
        "b\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0"
        "D\0\0\0\xf\0\2\0\0\0\1"
        "7\xff\xff\xff\xff"
        "D\0\0\0\xe\0\2\xff\xff\xff\xff\0\0\0\0"
        "C\0\0\0\x9SHOW\0"s);
}

TEST_CASE("values in text and in binary") {
  struct Case {
    Type type;
    Cell cell;
    std::string binary;
  };
  const Case cases[] = {
      {Type::int4, "258", "\0\0\1\2"s},
      {Type::int4, "-1", "\xff\xff\xff\xff"s},
      {Type::int8, "4294967298", "\0\0\0\1\0\0\0\2"s},
      {Type::boolean, "t", "\1"s},
      {Type::boolean, "f", "\0"s},
      {Type::text, "abc", "abc"s},
      {Type::text, "", ""s},
      // digits, weight, sign, scale, then groups of four decimal digits
      {Type::numeric, "0", "\0\0\0\0\0\0\0\0"s},
      {Type::numeric, "1", "\0\1\0\0\0\0\0\0\0\1"s},
      {Type::numeric, "9999", "\0\1\0\0\0\0\0\0\x27\x0f"s},
      {Type::numeric, "10000", "\0\1\0\1\0\0\0\0\0\1"s},
      {Type::numeric, "10002", "\0\2\0\1\0\0\0\0\0\1\0\2"s},
      {Type::numeric, "300000000", "\0\1\0\2\0\0\0\0\0\3"s},
  };
  for (const Case& row : cases) {
    CAPTURE(*row.cell);
    const auto with_length = [](const std::string& text) {
      return "\0\0\0"s + static_cast<char>(text.size()) + text;
    };
    CHECK(value(row.type, row.cell, {}) == with_length(*row.cell));
    CHECK(value(row.type, row.cell, {0}) == with_length(*row.cell));
    CHECK(value(row.type, row.cell, {1}) == with_length(row.binary));
  }
  for (const Formats& formats : {Formats{}, Formats{0}, Formats{1}}) {
    CHECK(value(Type::int4, {}, formats) == "\xff\xff\xff\xff");
  }
}

TEST_CASE("a format code for each column") {
  const std::vector<Column> columns = {{"a", Type::int4}, {"b", Type::int4}};
  std::string out;
  data_row(out, columns, {"1", "1"}, {0, 1});
  CHECK(out ==
        "D\0\0\0\x13\0\2\0\0\0\1"
        "1\0\0\0\4\0\0\0\1"s);
  out.clear();
  row_description(out, columns, {0, 1});
  CHECK(out.substr(7 + 2 + 16, 2) == "\0\0"s);
  CHECK(out.substr(out.size() - 2) == "\0\1"s);
}

TEST_CASE("format codes must fit") {
  CHECK(bool(check_formats({}, 3)));
  CHECK(bool(check_formats({1}, 3)));
  CHECK(bool(check_formats({1}, 0)));
  CHECK(bool(check_formats({0, 1, 0}, 3)));
  CHECK(check_formats({0, 1}, 3).error().sqlstate == "08P01");
  CHECK(check_formats({0, 1}, 0).error().sqlstate == "08P01");
  CHECK(check_formats({2}, 1).error().sqlstate == "22023");
}
