#include "crypto/random.hpp"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <array>
#include <cstring>
#include <stdexcept>

namespace heim::crypto {
namespace {

void fill_now(std::uint8_t* out, std::size_t size) {
  if (RAND_bytes(out, static_cast<int>(size)) != 1) {
    throw std::runtime_error("the system's random number generator does not work");
  }
}

// Asking the generator costs the same for four bytes and for five hundred, and every login asks.
// What was given out is wiped.
struct Supply {
  std::array<std::uint8_t, 512> bytes;
  std::size_t left = 0;
  ~Supply() { OPENSSL_cleanse(bytes.data(), bytes.size()); }
};

}  // namespace

void SystemRandom::fill(std::uint8_t* out, std::size_t size) {
  thread_local Supply supply;
  if (size > supply.bytes.size() / 8) return fill_now(out, size);
  if (supply.left < size) {
    supply.left = 0;
    fill_now(supply.bytes.data(), supply.bytes.size());
    supply.left = supply.bytes.size();
  }
  supply.left -= size;
  std::memcpy(out, supply.bytes.data() + supply.left, size);
  OPENSSL_cleanse(supply.bytes.data() + supply.left, size);
}

}  // namespace heim::crypto
