// Where the primary's WAL was at which time: tells how far behind a standby is without comparing
// the clocks of two machines.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "base/clock.hpp"

namespace heim::cluster {

/// A few hundred samples, thinned out as they grow old. One thread.
class Positions {
 public:
  static constexpr std::size_t most = 256;

  /// The primary was at `lsn`, told by an answer to what was asked at `asked`.
  void add(std::uint64_t lsn, Instant asked) {
    if (count_ > 0 && lsn < at_[count_ - 1].lsn) return;  // overtaken
    if (count_ > 0 && lsn == at_[count_ - 1].lsn) {
      at_[count_ - 1].when = std::max(at_[count_ - 1].when, asked);
      return;
    }
    if (count_ == most) thin_out();
    at_[count_++] = {lsn, asked};
  }
  void clear() { count_ = 0; }
  std::uint64_t newest() const { return count_ > 0 ? at_[count_ - 1].lsn : 0; }

  /// A time up to which everything is replayed by who has replayed `lsn`; none if that is before
  /// all that is known.
  std::optional<Instant> reached(std::uint64_t lsn) const {
    for (std::size_t i = count_; i > 0; --i) {
      if (at_[i - 1].lsn <= lsn) return at_[i - 1].when;
    }
    return std::nullopt;
  }

 private:
  struct Sample {
    std::uint64_t lsn;
    Instant when;
  };
  // Every other one goes, but for the newest quarter.
  void thin_out() {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      if (i >= most - most / 4 || i % 2 == 0) at_[kept++] = at_[i];
    }
    count_ = kept;
  }
  std::array<Sample, most> at_{};
  std::size_t count_ = 0;
};

}  // namespace heim::cluster
