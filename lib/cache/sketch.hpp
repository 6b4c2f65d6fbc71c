// How often keys were asked for lately, about: a count-min sketch that forgets.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory>

#include "cache/key.hpp"

namespace heim::cache {

/// Four rows of counters of four bits; those of one key stand in one line of memory. When it has
/// counted four times as many as a row has, all are halved: what was popular must stay so.
class Sketch {
 public:
  explicit Sketch(std::uint64_t counters)
      : mask_(std::bit_ceil(std::max(counters, per_block)) / per_block - 1),
        blocks_(std::make_unique<Block[]>(mask_ + 1)) {}

  void add(const Key& key) {
    Block& block = block_of(key);
    for (unsigned row = 0; row < rows; ++row) {
      const Place at = place(key, row);
      if ((block.words[at.word] >> at.shift & most) < most)
        block.words[at.word] += std::uint64_t{1} << at.shift;
    }
    if (++added_ > 4 * per_block * (mask_ + 1)) halve();
  }
  unsigned of(const Key& key) const {
    const Block& block = block_of(key);
    std::uint64_t least = most;
    for (unsigned row = 0; row < rows; ++row) {
      const Place at = place(key, row);
      least = std::min(least, block.words[at.word] >> at.shift & most);
    }
    return static_cast<unsigned>(least);
  }
  std::uint64_t bytes() const { return (mask_ + 1) * sizeof(Block); }

 private:
  static constexpr unsigned rows = 4, words_per_row = 2, counters_per_word = 16;
  static constexpr std::uint64_t per_block = words_per_row * counters_per_word;  // of one row
  static constexpr std::uint64_t most = 15;
  struct alignas(64) Block {
    std::uint64_t words[rows * words_per_row];
  };
  struct Place {
    unsigned word, shift;
  };

  Block& block_of(const Key& key) const { return blocks_[key.low >> 32 & mask_]; }
  // The key is a hash: other bits of it than shards and the index go by.
  static Place place(const Key& key, unsigned row) {
    const auto counter = static_cast<unsigned>(key.high >> (24 + 8 * row) & (per_block - 1));
    return {row * words_per_row + counter / counters_per_word, counter % counters_per_word * 4};
  }
  void halve() {
    for (std::uint64_t i = 0; i <= mask_; ++i) {
      for (std::uint64_t& word : blocks_[i].words) word = word >> 1 & 0x7777777777777777u;
    }
    added_ /= 2;
  }

  std::uint64_t mask_;
  std::unique_ptr<Block[]> blocks_;
  std::uint64_t added_ = 0;
};

}  // namespace heim::cache
