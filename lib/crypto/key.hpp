// A 32-byte key that is wiped when it goes.
#pragma once
#include "base/secret.hpp"
#include "crypto/hash.hpp"

namespace heim::crypto {

class Key {
 public:
  Key() = default;
  explicit Key(const Digest& bytes) : bytes_(bytes) {}
  Key(const Key&) = default;
  Key& operator=(const Key&) = default;
  ~Key() { wipe(bytes_.data(), bytes_.size()); }
  /// Borrowed for the life of the key.
  std::string_view view() const { return crypto::view(bytes_); }
  const Digest& bytes() const { return bytes_; }

 private:
  Digest bytes_{};
};

}  // namespace heim::crypto
