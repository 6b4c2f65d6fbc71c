// 128-bit hashes that name things: fingerprints, prepared statements, cache keys.
//
// XXH3 is not cryptographic: whoever knows the seed can make two texts collide. Where foreign texts
// share one table, take the seed from a random source at start and keep it to the process.
#pragma once
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

// Inline and private: libpg_query exports another version of the same symbols.
#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL
#endif
#include <xxhash.h>

namespace heim {

/// A value; equal texts under equal seeds have equal hashes.
struct Hash128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend auto operator<=>(const Hash128&, const Hash128&) = default;
};

inline Hash128 hash128(std::string_view text, std::uint64_t seed) {
  const XXH128_hash_t sum = XXH3_128bits_withSeed(text.data(), text.size(), seed);
  return {sum.high64, sum.low64};
}

}  // namespace heim

template <>
struct std::hash<heim::Hash128> {
  std::size_t operator()(const heim::Hash128& value) const noexcept {
    return static_cast<std::size_t>(value.low);  // all bits of it are mixed already
  }
};
