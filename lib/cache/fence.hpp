// The versions of the tables that a statement reads, from before it was sent: see cache.hpp.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include "cache/stats.hpp"
#include "freshness/ledger.hpp"

namespace heim::cache {

using freshness::Ledger;
using freshness::TableId;

inline bool unchanged(const Ledger& ledger, std::span<const TableId> ids,
                      const std::uint64_t* versions) {
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ledger.version(ids[i]) != versions[i]) return false;
  }
  return true;
}

class Fence {
 public:
  static constexpr std::size_t most = 64;
  Fence() = default;
  Fence(const Fence& other) { *this = other; }
  /// What counts of it, which is little mostly.
  Fence& operator=(const Fence& other) {
    count_ = other.count_;
    std::copy_n(other.ids_.data(), count_, ids_.data());
    std::copy_n(other.versions_.data(), count_, versions_.data());
    return *this;
  }

  void record(const Ledger& ledger, std::span<const TableId> tables) {
    count_ = tables.size();
    for (std::size_t i = 0; i < count_; ++i) {
      ids_[i] = tables[i];
      versions_[i] = ledger.version(tables[i]);
    }
  }
  /// No commit to one of them has begun or ended since, as far as can be told without waiting.
  bool stands(const Ledger& ledger) const { return unchanged(ledger, tables(), versions()); }
  /// Whether an answer that is here now may be kept. In flight first: who leaves that has moved the
  /// version before.
  Admission judge(const Ledger& ledger) const {
    for (const TableId id : tables()) {
      if (ledger.in_flight(id)) return Admission::in_flight;
    }
    return stands(ledger) ? Admission::stored : Admission::changed;
  }

  std::span<const TableId> tables() const { return {ids_.data(), count_}; }
  const std::uint64_t* versions() const { return versions_.data(); }

 private:
  std::size_t count_ = 0;
  std::array<TableId, most> ids_;
  std::array<std::uint64_t, most> versions_;
};

}  // namespace heim::cache
