// Which result: the name under which one is kept.
#pragma once
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/hash.hpp"

namespace heim::cache {

/// Of everything that the bytes of the answer hang on: database, role, normal form, parameters,
/// formats, settings. With 128 bits and a secret seed, two of them do not meet.
using Key = Hash128;

/// Makes a key of parts. Each part stands with its length, so that ("ab", "c") is not ("a", "bc").
/// Equal seeds and parts in the same order make equal keys. Allocates nothing.
class KeyBuilder {
 public:
  explicit KeyBuilder(std::uint64_t seed) : seed_(seed) {}

  KeyBuilder& add(std::string_view part) {
    add_number(part.size());
    if (part.size() > longest) return add(hash128(part, seed_));
    return put(part.data(), part.size());
  }
  KeyBuilder& add_number(std::uint64_t number) { return put(&number, sizeof number); }
  /// A parameter that is NULL is none of any length.
  KeyBuilder& add_null() { return add_number(~std::uint64_t{0}); }
  KeyBuilder& add(const Hash128& hash) { return add_number(hash.high).add_number(hash.low); }

  Key key() const { return hash128({bytes_, size_}, seed_ + folds_); }

 private:
  // What is hashed at once costs a third of what is hashed part by part, up to 240 bytes.
  static constexpr std::size_t room = 240, longest = 128;

  KeyBuilder& put(const void* from, std::size_t size) {
    if (size == 0) return *this;  // maybe from nowhere
    if (room - size_ < size) fold();
    std::memcpy(bytes_ + size_, from, size);
    size_ += size;
    return *this;
  }
  // What is there so far becomes its hash; how often that was done is part of the key.
  void fold() {
    const Key so_far = key();
    ++folds_;
    std::memcpy(bytes_, &so_far, sizeof so_far);
    size_ = sizeof so_far;
  }

  std::uint64_t seed_;
  std::uint64_t folds_ = 0;
  std::size_t size_ = 0;
  char bytes_[room];
};

}  // namespace heim::cache
