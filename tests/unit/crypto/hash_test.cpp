#include "crypto/hash.hpp"

#include <doctest/doctest.h>

#include <string>

#include "base/hash.hpp"
#include "crypto/key.hpp"

using namespace heim;

namespace {

std::string hex(const crypto::Digest& digest) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t byte : digest) {
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

}  // namespace

TEST_CASE("SHA-256 of the FIPS 180 examples") {
  CHECK(hex(crypto::sha256("")) ==
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hex(crypto::sha256("abc")) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("HMAC-SHA-256 of RFC 4231") {
  CHECK(hex(crypto::hmac_sha256(std::string(20, '\x0b'), "Hi There")) ==
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  CHECK(hex(crypto::hmac_sha256("Jefe", "what do ya want for nothing?")) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(hex(crypto::hmac_sha256(std::string(131, '\xaa'),
                                "Test Using Larger Than Block-Size Key - Hash Key First")) ==
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST_CASE("HMAC-SHA-256 with nothing at all") {
  const std::string expected = "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad";
  CHECK(hex(crypto::hmac_sha256("", "")) == expected);
  CHECK(hex(crypto::hmac_sha256(std::string_view(), std::string_view())) == expected);
}

TEST_CASE("PBKDF2-HMAC-SHA-256 of RFC 7914, first block") {
  CHECK(hex(crypto::pbkdf2_sha256("passwd", "salt", 1)) ==
        "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc");
  CHECK(hex(crypto::pbkdf2_sha256("Password", "NaCl", 80000)) ==
        "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56");
}

TEST_CASE("MD5 of RFC 1321") {
  CHECK(crypto::md5_hex("") == "d41d8cd98f00b204e9800998ecf8427e");
  CHECK(crypto::md5_hex("message digest") == "f96b697d7cb7938d525a2f31aaf161d0");
}

TEST_CASE("a 128-bit hash is a value that depends on text and seed") {
  CHECK(hash128("select 1", 7) == hash128("select 1", 7));
  CHECK(hash128("select 1", 7) != hash128("select 1", 8));
  CHECK(hash128("select 1", 7) != hash128("select 2", 7));
  CHECK(hash128("", 0) == hash128({}, 0));
  // XXH3-128 of the empty text with seed 0, as its specification's vectors have it.
  CHECK(hash128("", 0) == Hash128{0x99aa06d3014798d8, 0x6001c324468d497f});
  CHECK(std::hash<Hash128>()(Hash128{1, 2}) != std::hash<Hash128>()(Hash128{1, 3}));
}

TEST_CASE("a key is wiped when it goes") {
  alignas(crypto::Key) unsigned char memory[sizeof(crypto::Key)];
  auto* key = new (memory) crypto::Key(crypto::sha256("secret"));
  CHECK(std::string_view(reinterpret_cast<char*>(memory), 32) ==
        crypto::view(crypto::sha256("secret")));
  key->~Key();
  const volatile unsigned char* after = memory;
  int left = 0;
  for (std::size_t i = 0; i < 32; ++i) left += after[i] != 0;
  CHECK(left == 0);
}
