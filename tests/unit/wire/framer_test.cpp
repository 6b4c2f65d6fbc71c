#include "wire/framer.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "wire/encoder.hpp"

using namespace heim;
using wire::Fields;
using wire::Header;
using wire::Origin;
using wire::Peek;

namespace {

std::string frame(std::uint8_t tag, std::uint32_t length) {
  std::string out(1, static_cast<char>(tag));
  std::uint8_t raw[4];
  store_be32(raw, length);
  return out.append(reinterpret_cast<char*>(raw), 4);
}

Peek peek(Origin side, std::string_view text) {
  Header header;
  return wire::peek(side, as_bytes(text), header);
}

constexpr Origin sides[] = {Origin::client, Origin::server};

}  // namespace

TEST_CASE("peek: every tag of both sides, byte by byte and with what follows") {
  for (const Origin side : sides) {
    for (int value = 0; value < 256; ++value) {
      const auto tag = static_cast<std::uint8_t>(value);
      CAPTURE(value);
      const bool known = wire::find(side, tag) != nullptr;
      const std::string bytes = frame(tag, 4);
      CHECK(peek(side, "") == Peek::more);
      for (std::size_t size = 1; size < bytes.size(); ++size) {
        CHECK(peek(side, bytes.substr(0, size)) == (known ? Peek::more : Peek::unknown));
      }
      for (const char* trailing : {"", "Q", "\xff\xff"}) {
        CHECK(peek(side, bytes + trailing) == (known ? Peek::ok : Peek::unknown));
      }
    }
  }
}

TEST_CASE("peek: every length at the borders of every message") {
  for (const Origin side : sides) {
    for (int value = 0; value < 256; ++value) {
      const auto tag = static_cast<std::uint8_t>(value);
      const wire::Message* message = wire::find(side, tag);
      if (!message) continue;
      CAPTURE(message->name);
      for (const std::uint32_t bad : {0u, 1u, 3u, 4 + message->max_body + 1, 0x40000004u,
                                      0x7fffffffu, 0x80000000u, 0xfffffffeu, 0xffffffffu}) {
        CAPTURE(bad);
        CHECK(peek(side, frame(tag, bad)) == Peek::length);
      }
      for (const std::uint32_t body : {std::uint32_t{0}, message->max_body}) {
        Header header;
        CHECK(wire::peek(side, as_bytes(frame(tag, 4 + body)), header) == Peek::ok);
        CHECK(header.tag == tag);
        CHECK(header.body == body);
        CHECK(header.total() == 5 + std::size_t{body});
      }
    }
  }
}

TEST_CASE("peek: a header that is not there leaves the old one alone") {
  Header header{'Q', 7};
  CHECK(wire::peek(Origin::client, as_bytes(std::string_view("Q\0\0\0", 4)), header) == Peek::more);
  CHECK(wire::peek(Origin::client, as_bytes("!"), header) == Peek::unknown);
  CHECK(header.tag == 'Q');
  CHECK(header.body == 7);
}

TEST_CASE("a stream cut anywhere gives the same messages") {
  std::string stream;
  wire::text_message(stream, 'Q', "select 1");
  wire::message(stream, 'S', {});
  wire::message(stream, 'd', "row\n");
  wire::message(stream, 'X', {});
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    CAPTURE(cut);
    std::string tags, buffer;
    for (const std::string& part : {stream.substr(0, cut), stream.substr(cut)}) {
      buffer += part;
      Header header;
      while (wire::peek(Origin::client, as_bytes(buffer), header) == Peek::ok &&
             header.total() <= buffer.size()) {
        tags += static_cast<char>(header.tag);
        buffer.erase(0, header.total());
      }
    }
    CHECK(tags == "QSdX");
    CHECK(buffer.empty());
  }
}

TEST_CASE("Fields reads front to back") {
  const std::string body("\x07\x01\x02\x01\x02\x03\x04text\0\0ab", 15);
  Fields fields(as_bytes(body));
  CHECK(fields.u8() == 7);
  CHECK(fields.u16() == 0x0102);
  CHECK(fields.u32() == 0x01020304);
  CHECK(fields.string() == "text");
  CHECK(fields.string().empty());
  CHECK(fields.ok());
  CHECK_FALSE(fields.done());
  CHECK(as_text(fields.rest()) == "ab");
  CHECK(as_text(fields.bytes(2)) == "ab");
  CHECK(fields.done());
  CHECK(fields.bytes(0).empty());
  CHECK(fields.done());
}

TEST_CASE("Fields: one missing field makes all that follow missing") {
  const std::string bytes = "abc";
  const auto spoiled = [&](auto read) {
    Fields fields(as_bytes(bytes));
    read(fields);
    CHECK_FALSE(fields.ok());
    CHECK_FALSE(fields.done());
    CHECK(fields.rest().empty());
    CHECK(fields.u8() == 0);
    CHECK(fields.string().empty());
    CHECK_FALSE(fields.ok());
  };
  spoiled([](Fields& f) { CHECK(f.u32() == 0); });
  spoiled([](Fields& f) { CHECK(f.string().empty()); });  // no zero
  spoiled([](Fields& f) { CHECK(f.bytes(4).empty()); });
  spoiled([](Fields& f) { CHECK(f.bytes(std::size_t(-1)).empty()); });
  spoiled([](Fields& f) {
    f.u16();
    CHECK(f.u16() == 0);
  });
  spoiled([](Fields& f) {
    f.bytes(3);
    CHECK(f.u8() == 0);
  });
  spoiled([](Fields& f) {
    f.bytes(3);
    CHECK(f.string().empty());
  });
}

TEST_CASE("Fields of nothing") {
  Fields fields({});
  CHECK(fields.done());
  CHECK(fields.string().empty());
  CHECK_FALSE(fields.ok());
}
