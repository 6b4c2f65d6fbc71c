#include "wire/startup.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "wire/encoder.hpp"
#include "wire/framer.hpp"

using namespace heim;
using namespace std::string_literals;
using wire::StartupKind;

namespace {

std::string packet(std::uint32_t code, std::string_view body = {}) {
  std::string out;
  wire::startup(out, code, body);
  return out;
}

std::string length_word(std::uint32_t length) {
  std::uint8_t raw[4];
  store_be32(raw, length);
  return {reinterpret_cast<char*>(raw), 4};
}

wire::StartupPacket parse(const std::string& bytes) {
  auto read = wire::read_startup(as_bytes(bytes));
  REQUIRE_MESSAGE(bool(read), read.error().message);
  return *std::move(read);
}

std::string refusal(const std::string& bytes) {
  const auto read = wire::read_startup(as_bytes(bytes));
  REQUIRE_FALSE(bool(read));
  CHECK_FALSE(read.error().message.empty());
  return read.error().sqlstate;
}

const std::string parameters = "user\0joe\0database\0shop\0options\0\0_pq_.x\0on\0\0"s;

/// Every whole packet that is right.
const std::vector<std::string>& good_packets() {
  static const std::vector<std::string> all = {
      packet(wire::version_3_0, parameters),
      packet(wire::version_3_2, "\0"s),
      packet(wire::ssl_request),
      packet(wire::gssenc_request),
      packet(wire::cancel_request, "\0\0\1\2secr"s),
      packet(wire::cancel_request, "\0\0\1\2"s + std::string(256, 'k')),
  };
  return all;
}

}  // namespace

TEST_CASE("startup_length: waits for four bytes, then knows") {
  const std::string bytes = packet(wire::version_3_0, parameters);
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const auto length = wire::startup_length(as_bytes(bytes).first(size));
    REQUIRE(bool(length));
    CHECK(*length == (size < 4 ? 0 : bytes.size()));
  }
}

TEST_CASE("startup_length: borders") {
  struct Case {
    std::uint32_t length;
    bool good;
  };
  // PostgreSQL allows 10000 bytes after the length word.
  for (const Case row : {Case{0, false},
                         {4, false},
                         {7, false},
                         {8, true},
                         {9, true},
                         {10000, true},
                         {10004, true},
                         {10005, false},
                         {0x7fffffff, false},
                         {0x80000000, false},
                         {0xffffffff, false},
                         {0x16030102, false}}) {
    CAPTURE(row.length);
    const auto length = wire::startup_length(as_bytes(length_word(row.length)));
    CHECK(bool(length) == row.good);
    if (!length) CHECK(length.error().sqlstate == "08P01");
  }
}

TEST_CASE("read_startup: a StartupMessage") {
  const wire::StartupPacket read = parse(packet(wire::version_3_0, parameters));
  CHECK(read.kind == StartupKind::startup);
  CHECK(read.version == wire::version_3_0);
  REQUIRE(read.parameters.size() == 3);
  CHECK(read.find("user") == "joe");
  CHECK(read.find("database") == "shop");
  CHECK(read.find("options").empty());
  CHECK(read.find("absent").empty());
  CHECK(read.protocol_options == std::vector<std::string>{"_pq_.x"});
}

TEST_CASE("read_startup: the last of two values counts, the order is kept") {
  const auto read = parse(packet(wire::version_3_0, "user\0a\0user\0b\0\0"s));
  REQUIRE(read.parameters.size() == 2);
  CHECK(read.parameters[0].second == "a");
  CHECK(read.find("user") == "b");
}

TEST_CASE("read_startup: the other kinds") {
  CHECK(parse(packet(wire::ssl_request)).kind == StartupKind::ssl);
  CHECK(parse(packet(wire::gssenc_request)).kind == StartupKind::gssenc);
  const auto cancel = parse(packet(wire::cancel_request, "\0\0\1\2secr"s));
  CHECK(cancel.kind == StartupKind::cancel);
  CHECK(cancel.cancel_pid == 0x102);
  CHECK(cancel.cancel_secret == "secr");
  const auto zero = parse(packet(wire::cancel_request, "\0\0\0\0\0\0\0\0"s));
  CHECK(zero.cancel_secret == "\0\0\0\0"s);
  CHECK(parse(packet(wire::cancel_request, "\0\0\1\2"s + std::string(256, 'k'))).cancel_secret ==
        std::string(256, 'k'));
}

TEST_CASE("read_startup: cut at every byte, with and without its length made right") {
  for (const std::string& whole : good_packets()) {
    parse(whole);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      CAPTURE(size);
      std::string cut = whole.substr(0, size);
      CHECK(refusal(cut) == "08P01");
      if (size < 8) continue;
      cut.replace(0, 4, length_word(static_cast<std::uint32_t>(size)));
      const bool shorter_key = whole[7] == '\x2e' && size >= 16;  // a CancelRequest again
      if (!shorter_key) CHECK(refusal(cut) == "08P01");
    }
  }
}

TEST_CASE("read_startup: trailing bytes, in the length and beyond it") {
  for (const std::string& whole : good_packets()) {
    CHECK(refusal(whole + "x") == "08P01");
    std::string longer = whole + "x";
    longer.replace(0, 4, length_word(static_cast<std::uint32_t>(longer.size())));
    const bool longer_key = whole[7] == '\x2e' && whole.size() < 12 + 256;
    if (!longer_key) CHECK(refusal(longer) == "08P01");
  }
}

TEST_CASE("read_startup: malformed parameters") {
  for (const std::string& body : {""s, "user"s, "user\0"s, "user\0joe"s, "user\0joe\0"s,
                                  "user\0joe\0\0\0"s, "user\0joe\0database\0\0"s, "\0\0"s}) {
    CAPTURE(body);
    CHECK(refusal(packet(wire::version_3_0, body)) == "08P01");
  }
}

TEST_CASE("read_startup: versions") {
  struct Case {
    std::uint32_t version;
    const char* sqlstate;  // null: accepted
  };
  for (const Case row : {Case{0x00030000, nullptr},
                         {0x00030001, nullptr},
                         {0x00030002, nullptr},
                         {0x00030009, nullptr},
                         {0x0003ffff, nullptr},
                         {0x00020000, "0A000"},
                         {0x00040000, "0A000"},
                         {0, "0A000"},
                         {0xffffffff, "0A000"},
                         {80877101, "0A000"},
                         {80877105, "0A000"}}) {
    CAPTURE(row.version);
    const std::string bytes = packet(row.version, "user\0joe\0\0"s);
    if (row.sqlstate) {
      CHECK(refusal(bytes) == row.sqlstate);
    } else {
      CHECK(parse(bytes).version == row.version);
    }
  }
}

TEST_CASE("negotiate: versions and options") {
  struct Case {
    std::uint32_t asked, newest;
    std::vector<std::string> options;
    std::uint32_t answered;  // 0: nothing is sent
  };
  const Case cases[] = {
      {0x30000, 2, {}, 0},
      {0x30001, 2, {}, 0},
      {0x30002, 2, {}, 0},
      {0x30003, 2, {}, 0x30002},
      {0x30009, 2, {}, 0x30002},
      {0x3ffff, 2, {}, 0x30002},
      {0x30002, 0, {}, 0x30000},
      {0x30000, 2, {"_pq_.a"}, 0x30000},
      {0x30002, 2, {"_pq_.a", "_pq_."}, 0x30002},
      {0x30009, 2, {"_pq_.a"}, 0x30002},
  };
  for (const Case& row : cases) {
    CAPTURE(row.asked);
    wire::StartupPacket asked;
    asked.version = row.asked;
    asked.protocol_options = row.options;
    const std::string answer = wire::negotiate(asked, row.newest);
    if (row.answered == 0) {
      CHECK(answer.empty());
      continue;
    }
    wire::Header header;
    REQUIRE(wire::peek(wire::Origin::server, as_bytes(answer), header) == wire::Peek::ok);
    CHECK(header.tag == 'v');
    CHECK(header.total() == answer.size());
    wire::Fields fields(as_bytes(answer).subspan(wire::header_size));
    CHECK(fields.u32() == row.answered);
    REQUIRE(fields.u32() == row.options.size());
    for (const std::string& name : row.options) CHECK(fields.string() == name);
    CHECK(fields.done());
  }
}
