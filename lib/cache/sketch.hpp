// How often keys were asked for lately, about: a count-min sketch that forgets.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory>

#include "cache/key.hpp"

namespace heim::cache {

/// Four rows of counters of four bits. When it has counted four times as many as a row has, all are
/// halved: what was popular must stay so.
class Sketch {
 public:
  explicit Sketch(std::uint64_t counters)
      : mask_(std::bit_ceil(std::max<std::uint64_t>(counters, per_word)) - 1),
        words_(std::make_unique<std::uint64_t[]>(words())) {}

  void add(const Key& key) {
    for (unsigned row = 0; row < rows; ++row) {
      const Place at = place(key, row);
      if ((words_[at.word] >> at.shift & most) < most)
        words_[at.word] += std::uint64_t{1} << at.shift;
    }
    if (++added_ > 4 * (mask_ + 1)) halve();
  }
  unsigned of(const Key& key) const {
    std::uint64_t least = most;
    for (unsigned row = 0; row < rows; ++row) {
      const Place at = place(key, row);
      least = std::min(least, words_[at.word] >> at.shift & most);
    }
    return static_cast<unsigned>(least);
  }
  std::uint64_t bytes() const { return words() * sizeof(std::uint64_t); }

 private:
  static constexpr unsigned rows = 4, per_word = 16;
  static constexpr std::uint64_t most = 15;
  struct Place {
    std::uint64_t word;
    unsigned shift;
  };

  std::uint64_t words() const { return (mask_ + 1) / per_word * rows; }
  // The key is a hash: two halves of it make as many as are needed.
  Place place(const Key& key, unsigned row) const {
    const std::uint64_t counter = (key.low + row * (key.high | 1)) >> 7 & mask_;
    return {row * ((mask_ + 1) / per_word) + counter / per_word,
            static_cast<unsigned>(counter % per_word * 4)};
  }
  void halve() {
    for (std::uint64_t i = 0; i < words(); ++i) words_[i] = words_[i] >> 1 & 0x7777777777777777u;
    added_ /= 2;
  }

  std::uint64_t mask_;
  std::unique_ptr<std::uint64_t[]> words_;
  std::uint64_t added_ = 0;
};

}  // namespace heim::cache
