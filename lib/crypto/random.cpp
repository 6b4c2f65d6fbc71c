#include "crypto/random.hpp"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <cstring>
#include <stdexcept>

namespace heim::crypto {

void SystemRandom::fill(std::uint8_t* out, std::size_t size) {
  if (RAND_bytes(out, static_cast<int>(size)) != 1) {
    throw std::runtime_error("the system's random number generator does not work");
  }
}

RandomSupply::~RandomSupply() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

void RandomSupply::fill(std::uint8_t* out, std::size_t size) {
  if (size > bytes_.size() / 8) return source_.fill(out, size);
  if (left_ < size) {
    left_ = 0;
    source_.fill(bytes_.data(), bytes_.size());
    left_ = bytes_.size();
  }
  left_ -= size;
  std::memcpy(out, bytes_.data() + left_, size);
  OPENSSL_cleanse(bytes_.data() + left_, size);
}

}  // namespace heim::crypto
