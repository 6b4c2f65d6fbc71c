#include "crypto/random.hpp"

#include <openssl/rand.h>

#include <stdexcept>

namespace heim::crypto {

void SystemRandom::fill(std::uint8_t* out, std::size_t size) {
  if (RAND_bytes(out, static_cast<int>(size)) != 1) {
    throw std::runtime_error("the system's random number generator does not work");
  }
}

}  // namespace heim::crypto
