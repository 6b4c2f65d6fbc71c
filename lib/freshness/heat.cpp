#include "freshness/heat.hpp"

#include <algorithm>

namespace heim::freshness {

Temperature Thermometer::of(double rate) const {
  if (rate >= limits_.hot) return Temperature::hot;
  if (rate >= limits_.warm) return Temperature::warm;
  return rate >= limits_.cold ? Temperature::cold : Temperature::frozen;
}

void Thermometer::measure(std::span<const Heat* const> workers, Ledger& ledger, Instant now) {
  const bool first = last_ == Instant{};
  const double seconds = std::chrono::duration<double>(now - last_).count();
  last_ = now;
  const double half_life = std::chrono::duration<double>(limits_.half_life).count();
  const double keep = first ? 0 : std::exp2(-seconds / half_life);
  const auto room = static_cast<std::uint32_t>(seen_.size());
  const std::uint32_t count = std::min(ledger.size(), room);
  for (TableId id = 0; id < count; ++id) {
    std::uint32_t sum = 0;
    for (const Heat* worker : workers) sum += worker->of(id);
    const std::uint32_t uses = sum - seen_[id];  // may run over: so does the sum
    seen_[id] = sum;
    if (first || seconds <= 0) continue;
    rates_[id] = rates_[id] * keep + (1 - keep) * uses / seconds;
    const Temperature before = ledger.temperature(id);
    const Temperature warmer = of(rates_[id]), slower = of(rates_[id] * 2);
    if (warmer > before) ledger.set_temperature(id, warmer);
    if (slower < before) ledger.set_temperature(id, slower);
  }
}

}  // namespace heim::freshness
