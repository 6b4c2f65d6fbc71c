// Which result: the name under which one is kept.
#pragma once
#include <cstdint>
#include <string_view>

#include "base/hash.hpp"

namespace heim::cache {

/// Of everything that the bytes of the answer hang on: database, role, normal form, parameters,
/// formats, settings. With 128 bits and a secret seed, two of them do not meet.
using Key = Hash128;

/// Makes a key of parts. Each part is hashed with its length, so that ("ab", "c") is not
/// ("a", "bc"). Equal seeds and parts in the same order make equal keys. Allocates nothing.
class KeyBuilder {
 public:
  explicit KeyBuilder(std::uint64_t seed) {
    XXH3_INITSTATE(&state_);
    XXH3_128bits_reset_withSeed(&state_, seed);
  }

  KeyBuilder& add(std::string_view part) {
    add_number(part.size());
    XXH3_128bits_update(&state_, part.data(), part.size());
    return *this;
  }
  KeyBuilder& add_number(std::uint64_t number) {
    XXH3_128bits_update(&state_, &number, sizeof number);
    return *this;
  }
  /// A parameter that is NULL is none of any length.
  KeyBuilder& add_null() { return add_number(~std::uint64_t{0}); }
  KeyBuilder& add(const Hash128& hash) { return add_number(hash.high).add_number(hash.low); }

  Key key() const {
    const XXH128_hash_t sum = XXH3_128bits_digest(&state_);
    return {sum.high64, sum.low64};
  }

 private:
  XXH3_state_t state_;
};

}  // namespace heim::cache
