#include "crypto/compare.hpp"

#include <openssl/crypto.h>

namespace heim::crypto {

bool equal(std::string_view a, std::string_view b) {
  return a.size() == b.size() && (a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
}

Digest exclusive_or(const Digest& a, const Digest& b) {
  Digest out;
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = a[i] ^ b[i];
  return out;
}

}  // namespace heim::crypto
