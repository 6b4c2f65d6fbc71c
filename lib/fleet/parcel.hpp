// What lies in the store beside the caches: one answer, and what tells whether it lacks anything.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/key.hpp"
#include "crypto/random.hpp"
#include "fleet/horizon.hpp"

namespace heim::fleet {

struct Parcel {
  std::uint64_t primary = 0;  // the cluster as its writer saw it: cluster::Topology::identity
  Stamp stamp;
  std::uint64_t cost_us = 0;  // what the database took for it
  std::string answer;
};

/// Makes parcels into bytes that nobody makes without the fleet's secret, and back. [any thread]
///
///   magic, flags, [nonce], { primary, stamp, cost, size of the answer, answer }, tag
///
/// The tag is of the key that it lies under, and of all before it: HMAC-SHA-256, or where the part
/// in braces is encrypted, that of AES-256-GCM. Each has a key of its own, made of the secret.
class Seal {
 public:
  struct Options {
    bool encrypts = false;               // else it can be read, but not altered
    std::size_t compress_above = 4'096;  // bytes of the answer; 0: nothing is compressed
    std::size_t largest = 1 << 20;       // bytes of an answer
  };
  /// Whether this build has zstd. Without it nothing is compressed, and what is, is not understood.
  static bool can_compress();

  Seal(std::string_view secret, const Options& options);

  std::string close(std::string_view key, const Parcel& parcel, crypto::Random& random) const;
  /// Nothing: it is not ours, of another key or version, altered, cut short or too large. Whether
  /// it is encrypted or compressed, it says itself.
  std::optional<Parcel> open(std::string_view key, std::string_view bytes) const;

 private:
  const Options options_;
  const crypto::Key signs_, encrypts_;
};

}  // namespace heim::fleet
