#include "wire/encoder.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "wire/framer.hpp"

using namespace heim;
using namespace std::string_literals;
using wire::Origin;

namespace {

struct Frame {
  char tag;
  std::string body;
};

/// Cuts a stream into messages; what is left over or wrong fails the test.
std::vector<Frame> frames(Origin side, std::string_view stream) {
  std::vector<Frame> out;
  Bytes rest = as_bytes(stream);
  wire::Header header;
  while (!rest.empty()) {
    REQUIRE(wire::peek(side, rest, header) == wire::Peek::ok);
    REQUIRE(header.total() <= rest.size());
    const Bytes body = rest.subspan(wire::header_size, header.body);
    out.push_back({static_cast<char>(header.tag), std::string(as_text(body))});
    rest = rest.subspan(header.total());
  }
  return out;
}

std::string only(Origin side, char tag, const std::string& stream) {
  const auto all = frames(side, stream);
  REQUIRE(all.size() == 1);
  CHECK(all[0].tag == tag);
  return all[0].body;
}

std::string error_body(const wire::ErrorFields& fields, char tag = 'E') {
  std::string out;
  wire::error(out, fields, tag);
  return only(Origin::server, tag, out);
}

}  // namespace

TEST_CASE("Writer fills in the length, also after other messages") {
  std::string out = "before";
  {
    wire::Writer writer(out, 'B');
    writer.string("portal").string("").u16(1).u16(0).u32(0xffffffff).u8(7).bytes("a\0b"s);
  }
  CHECK(out ==
        "beforeB\0\0\0\x18"
        "portal\0\0\0\1\0\0\xff\xff\xff\xff\7a\0b"s);
}

TEST_CASE("Writer: a string ends at its first zero, so that no field can be smuggled in") {
  std::string out;
  wire::parameter_status(out, "application_name", "a\0is_superuser\0on"s);
  CHECK(only(Origin::server, 'S', out) == "application_name\0a\0"s);
}

TEST_CASE("messages byte for byte") {
  struct Case {
    std::string made, expected;
  };
  const auto make = [](auto write) {
    std::string out;
    write(out);
    return out;
  };
  const Case cases[] = {
      {make([](auto& out) { wire::message(out, 'S', {}); }), "S\0\0\0\4"s},
      {make([](auto& out) { wire::text_message(out, 'Q', "x"); }), "Q\0\0\0\6x\0"s},
      {make([](auto& out) { wire::ready(out, 'T'); }), "Z\0\0\0\5T"s},
      {make([](auto& out) { wire::authentication(out, 0); }), "R\0\0\0\x8\0\0\0\0"s},
      {make([](auto& out) { wire::authentication(out, 5, "salt"); }), "R\0\0\0\xc\0\0\0\5salt"s},
      {make([](auto& out) { wire::command_complete(out, "SELECT 1"); }), "C\0\0\0\xdSELECT 1\0"s},
      {make([](auto& out) { wire::startup(out, wire::ssl_request, {}); }),
       "\0\0\0\x8\x04\xd2\x16\x2f"s},
      {make([](auto& out) { wire::startup(out, wire::version_3_0, "\0"s); }),
       "\0\0\0\x9\0\3\0\0\0"s},
      {make([](auto& out) { wire::row_description(out, {"a"}); }),
       "T\0\0\0\x1a\0\1a\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0"s},
      {make([](auto& out) {
         wire::data_row(out, std::vector<std::string>{"ab", ""});
       }),
       "D\0\0\0\x10\0\2\0\0\0\2ab\0\0\0\0"s},
  };
  for (const Case& row : cases) CHECK(row.made == row.expected);
}

TEST_CASE("a result set of ours is cut as it was written") {
  std::string out;
  wire::row_description_of(out, std::vector<std::string_view>{"name", "value"});
  wire::data_row(out, std::vector<std::string>{"a", "1"});
  wire::data_row(out, std::vector<std::string>{"b", ""});
  wire::command_complete(out, "SHOW");
  wire::ready(out, 'I');
  std::string tags;
  for (const Frame& frame : frames(Origin::server, out)) tags += frame.tag;
  CHECK(tags == "TDDCZ");
}

TEST_CASE("error: fields that are empty are left out") {
  CHECK(error_body({.sqlstate = "08P01", .message = "no"}) == "SERROR\0VERROR\0C08P01\0Mno\0\0"s);
  CHECK(error_body({"FATAL", "57P01", "bye", "why", "do"}) ==
        "SFATAL\0VFATAL\0C57P01\0Mbye\0Dwhy\0Hdo\0\0"s);
  CHECK(error_body({"NOTICE", "00000", "n"}, 'N') == "SNOTICE\0VNOTICE\0C00000\0Mn\0\0"s);
}

TEST_CASE("read_error gives back what error wrote") {
  const std::string body = error_body({"FATAL", "57P01", "bye", "why", "do"});
  const wire::ErrorView view = wire::read_error(as_bytes(body));
  CHECK(view.severity == "FATAL");
  CHECK(view.sqlstate == "57P01");
  CHECK(view.message == "bye");
  CHECK(view.detail == "why");
  CHECK(view.hint == "do");
  CHECK(view.routine.empty());
}

TEST_CASE("read_error: the severity is the untranslated one") {
  for (const std::string& body : {"SFEHLER\0VERROR\0\0"s, "VERROR\0SFEHLER\0\0"s}) {
    CHECK(wire::read_error(as_bytes(body)).severity == "ERROR");
  }
  CHECK(wire::read_error(as_bytes("SFATAL\0\0"s)).severity == "FATAL");  // before 9.6
}

TEST_CASE("read_error: unknown fields are skipped, cut bodies end") {
  const std::string whole = "SERROR\0XFoo\0C42601\0P15\0Rscanner_yyerror\0Mm\0\0"s;
  const wire::ErrorView view = wire::read_error(as_bytes(whole));
  CHECK(view.sqlstate == "42601");
  CHECK(view.routine == "scanner_yyerror");
  CHECK(view.message == "m");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string cut = whole.substr(0, size);
    const wire::ErrorView part = wire::read_error(as_bytes(cut));
    CAPTURE(size);
    CHECK((part.sqlstate == "42601" || part.sqlstate.empty()));
    CHECK((part.severity == "ERROR" || part.severity.empty()));
  }
  CHECK(wire::read_error(as_bytes("\0Sx\0"s)).severity.empty());  // ends at the zero
}
