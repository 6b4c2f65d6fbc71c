// What kind of work a statement is, as its runs show.
#pragma once
#include <cstdint>

#include "config/settings.hpp"

namespace heim::route {

using config::Workload;

/// Of one fingerprint. [one thread] A running mean over about the last sixteen runs.
class Profile {
 public:
  void note(Duration took, std::uint64_t rows) {
    const auto us = static_cast<float>(to_us(took));
    const float share = runs_ < weight ? 1.0f / static_cast<float>(++runs_) : 1.0f / weight;
    mean_us_ += (us - mean_us_) * share;
    mean_rows_ += (static_cast<float>(rows) - mean_rows_) * share;
  }
  std::uint32_t runs() const { return runs_; }
  float mean_us() const { return mean_us_; }
  float mean_rows() const { return mean_rows_; }

  /// `vector`: it orders by a distance. Long or large runs are analytics; a change of class needs
  /// twice or half of what made it, so that nothing flutters.
  Workload classify(bool vector) {
    if (vector) return Workload::vector;
    if (runs_ < enough) return Workload::unknown;
    const float bar = class_ == Workload::analytics ? 0.5f : 1.0f;
    const bool large = mean_us_ > slow_us * bar || mean_rows_ > many_rows * bar;
    return class_ = large ? Workload::analytics : Workload::oltp;
  }

 private:
  static constexpr std::uint32_t weight = 16, enough = 4;
  static constexpr float slow_us = 200'000, many_rows = 10'000;
  float mean_us_ = 0, mean_rows_ = 0;
  std::uint32_t runs_ = 0;
  Workload class_ = Workload::unknown;
};

}  // namespace heim::route
