#include "base/bytes.hpp"

#include <doctest/doctest.h>

#include <string>
#include <unordered_set>

#include "base/clock.hpp"
#include "base/hash.hpp"

using namespace heim;

TEST_CASE("text and bytes are two views of one thing") {
  const std::string text("a\0\xff", 3);
  const Bytes bytes = as_bytes(text);
  REQUIRE(bytes.size() == 3);
  CHECK(bytes[2] == 0xff);
  CHECK(as_text(bytes) == text);
  CHECK(as_text(bytes).data() == text.data());
  CHECK(as_bytes({}).empty());
  CHECK(as_text({}).empty());
}

TEST_CASE("big-endian integers, at addresses of any alignment") {
  std::uint8_t raw[8] = {};
  for (std::size_t shift = 0; shift < 4; ++shift) {
    store_be32(raw + shift, 0x01020304);
    CHECK(raw[shift] == 1);
    CHECK(raw[shift + 3] == 4);
    CHECK(load_be32(raw + shift) == 0x01020304);
    store_be16(raw + shift, 0xfffe);
    CHECK(raw[shift] == 0xff);
    CHECK(raw[shift + 1] == 0xfe);
    CHECK(load_be16(raw + shift) == 0xfffe);
  }
  for (const std::uint32_t value : {0u, 1u, 0x80000000u, 0xffffffffu}) {
    store_be32(raw, value);
    CHECK(load_be32(raw) == value);
  }
}

TEST_CASE("microseconds are cut, not rounded; no deadline is after every deadline") {
  CHECK(to_us(std::chrono::nanoseconds(1999)) == 1);
  CHECK(to_us(std::chrono::seconds(2)) == 2000000);
  CHECK(to_us(Duration::zero()) == 0);
  CHECK(Instant{} + std::chrono::hours(24 * 365 * 100) < never);
}

TEST_CASE("hash128: equal texts are equal, seeds and texts part") {
  CHECK(hash128("select 1", 7) == hash128(std::string("select ") + "1", 7));
  std::unordered_set<Hash128> seen;
  for (const char* text : {"", "a", "b", "select 1", "select 2"}) {
    for (const std::uint64_t seed : {0ull, 1ull, ~0ull}) seen.insert(hash128(text, seed));
  }
  CHECK(seen.size() == 15);
  const std::string zero("\0", 1);
  CHECK(hash128(zero, 0) != hash128("", 0));
}
