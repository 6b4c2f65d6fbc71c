#include "crypto/hash.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <new>
#include <stdexcept>

namespace heim::crypto {
namespace {

// OpenSSL treats a null pointer as "no key given", which an empty view may be.
const char* pointer(std::string_view text) { return text.data() ? text.data() : ""; }

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(pointer(text));
}

}  // namespace

Digest sha256(std::string_view data) {
  Digest out;
  unsigned int size = 0;
  if (!EVP_Digest(pointer(data), data.size(), out.data(), &size, EVP_sha256(), nullptr)) {
    throw std::bad_alloc();
  }
  return out;
}

Digest hmac_sha256(std::string_view key, std::string_view data) {
  Digest out;
  unsigned int size = 0;
  if (!HMAC(EVP_sha256(), pointer(key), static_cast<int>(key.size()), bytes(data), data.size(),
            out.data(), &size)) {
    throw std::bad_alloc();
  }
  return out;
}

Digest pbkdf2_sha256(std::string_view password, std::string_view salt, std::uint32_t iterations) {
  Digest out;
  if (!PKCS5_PBKDF2_HMAC(pointer(password), static_cast<int>(password.size()), bytes(salt),
                         static_cast<int>(salt.size()), static_cast<int>(iterations), EVP_sha256(),
                         static_cast<int>(out.size()), out.data())) {
    throw std::bad_alloc();
  }
  return out;
}

std::string hex(std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(2 * bytes.size());
  for (const char byte : bytes) {
    out += digits[static_cast<unsigned char>(byte) >> 4];
    out += digits[byte & 15];
  }
  return out;
}

std::string md5_hex(std::string_view data) {
  unsigned char sum[16];
  unsigned int size = 0;
  if (!EVP_Digest(pointer(data), data.size(), sum, &size, EVP_md5(), nullptr)) {
    throw std::runtime_error("MD5 is not available: the system's OpenSSL policy forbids it");
  }
  return hex({reinterpret_cast<const char*>(sum), size});
}

}  // namespace heim::crypto
