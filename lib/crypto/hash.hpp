// SHA-256, HMAC, PBKDF2 and MD5 over byte strings. Pure functions; the work is OpenSSL's.
//
// An allocation failure inside OpenSSL is thrown as std::bad_alloc. Nothing else can fail.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace heim::crypto {

/// A SHA-256 sum, or a key of that size. Not wiped by itself: see `Key`.
using Digest = std::array<std::uint8_t, 32>;

/// The digest's bytes, borrowed.
inline std::string_view view(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

Digest sha256(std::string_view data);
Digest hmac_sha256(std::string_view key, std::string_view data);
/// PBKDF2 with HMAC-SHA-256 and one block of output: SCRAM's Hi(). `iterations` is at least 1.
Digest pbkdf2_sha256(std::string_view password, std::string_view salt, std::uint32_t iterations);
/// Two lower-case hexadecimal digits for each byte.
std::string hex(std::string_view bytes);
/// 32 lower-case hexadecimal digits. For PostgreSQL's md5 method only.
std::string md5_hex(std::string_view data);

}  // namespace heim::crypto
