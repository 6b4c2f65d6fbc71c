// Latencies in logarithmic buckets: 64 to each power of two, so a quantile is off by at most 1/64
// (1.6 per cent).
#pragma once
#include <array>
#include <bit>
#include <cstdint>

namespace heim::bench {

class Histogram {
 public:
  void add(std::uint64_t nanoseconds) {
    ++counts_[bucket_of(nanoseconds)];
    ++total_;
    sum_ += nanoseconds;
    if (nanoseconds > max_) max_ = nanoseconds;
  }

  std::uint64_t total() const { return total_; }
  std::uint64_t max() const { return max_; }
  double mean() const {
    return total_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(total_);
  }

  /// The value (the middle of its bucket) that `fraction` of all values do not exceed.
  std::uint64_t quantile(double fraction) const {
    const auto wanted = static_cast<std::uint64_t>(fraction * static_cast<double>(total_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > wanted) return middle_of(i);
    }
    return max_;
  }

 private:
  static constexpr unsigned sub_bits = 6;
  static constexpr std::uint64_t sub_count = 1U << sub_bits;

  static std::size_t bucket_of(std::uint64_t value) {
    if (value < sub_count) return value;
    const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - 1 - sub_bits;
    return (shift + 1) * sub_count + (value >> shift) - sub_count;
  }
  static std::uint64_t middle_of(std::size_t bucket) {
    if (bucket < sub_count) return bucket;
    const std::uint64_t shift = bucket / sub_count - 1;
    return ((sub_count + bucket % sub_count) << shift) + ((std::uint64_t{1} << shift) >> 1);
  }

  std::array<std::uint64_t, (64 - sub_bits + 1) * sub_count> counts_{};
  std::uint64_t total_ = 0, sum_ = 0, max_ = 0;
};

}  // namespace heim::bench
