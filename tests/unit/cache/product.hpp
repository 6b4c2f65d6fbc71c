// The cache itself, asked as the simulators are.
#pragma once
#include <string>

#include "cache/cache.hpp"
#include "traces.hpp"

namespace heim::cache::test {

class Product {
 public:
  /// Bytes for results: what else there is is added.
  explicit Product(Number capacity) : cache_(ledger_, limits(capacity)) {}

  /// What a result of so many bytes takes.
  static Number charge(Number size) { return (sizeof(Entry) + 12 + size + 8 + 15) / 16 * 16; }

  bool access(Number key, Number size) {
    const Lookup lookup{.key = KeyBuilder(7).add_number(key).key(),
                        .fingerprint = {1, 1},
                        .tables = {&table_, 1},
                        .wish = {}};
    if (cache_.get(lookup, now_)) return true;
    Miss miss = cache_.miss(lookup, nullptr, 0, now_);
    const Bytes pieces[] = {as_bytes(std::string_view(bytes_).substr(0, size))};
    miss.fill.admit({.pieces = pieces}, now_);
    return false;
  }
  const Cache& cache() const { return cache_; }

 private:
  // Index and sketch take about a fifteenth: of keys as small as these.
  static Cache::Limits limits(Number capacity) {
    return {
        .bytes = capacity + capacity / 15 + 8'192, .queries = 8, .shards = 1, .automatic = false};
  }

  const Instant now_{std::chrono::seconds(1)};
  const std::string bytes_ = std::string(8'000, 'x');
  freshness::Ledger ledger_;
  const TableId table_ = ledger_.everything(ledger_.database("app"));
  Cache cache_;
};

template <class Policy, class Charge>
double hit_ratio(Policy&& policy, const Trace& trace, const Charge& charge) {
  std::size_t hits = 0;
  for (const Number key : trace) hits += policy.access(key, charge(size_of(key)));
  return 100.0 * static_cast<double>(hits) / static_cast<double>(trace.size());
}

}  // namespace heim::cache::test
