// How many log lines of one kind may pass: what a peer can trigger at will must not fill a disk.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "base/clock.hpp"
#include "base/log.hpp"

namespace heim::capi {

/// Lines are of one kind if they have the same level and differ only in numbers, in quoted parts
/// and in words that look like an address or a number. Each kind has a token bucket, and each
/// level has one for all its kinds, since a peer may be able to invent kinds.
class LogLimit {
 public:
  struct Rate {
    double per_second;
    double burst;
  };
  static constexpr Rate kind_rate{20, 100};
  static constexpr Rate level_rate{200, 1000};
  /// More kinds at a time than these share one bucket a level.
  static constexpr std::size_t max_kinds = 256;

  struct Verdict {
    bool pass;
    std::uint64_t left_out;  // of this kind, since its last line that passed
  };
  Verdict judge(LogLevel level, std::string_view text, Instant now);
  /// All that was left out and not told yet; told now.
  std::uint64_t take_left_out();

 private:
  struct Bucket {
    double tokens = -1;  // below 0: new, and so full
    Instant since{};
    std::uint64_t left_out = 0;

    void refill(Rate rate, Instant now);
  };
  static std::uint64_t kind_of(LogLevel level, std::string_view text);
  Bucket& bucket_of(LogLevel level, std::string_view text, Instant now);
  void forget_idle(Instant now);

  std::unordered_map<std::uint64_t, Bucket> kinds_;
  std::array<Bucket, 4> levels_, others_;
  std::uint64_t forgotten_ = 0;  // left out of kinds that are no longer known
};

}  // namespace heim::capi
