// Which statements the servers of a pool are known to accept: another Parse of one needs no server.
//
// All workers share it. A client that prepares while the others of its thread hold every server of
// the pool must not wait for them: they may wait for it (pgbench prepares so).
#pragma once
#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "base/hash.hpp"
#include "pool/broker.hpp"

namespace heim::session {

/// [any thread] Bounded: forgetting costs a Parse a server, no more.
class AcceptedStatements {
 public:
  static constexpr std::size_t limit = 16384;

  /// A server of `pool` accepted the statement when the schema was that of `epoch`.
  /// `columns`: see columns_of().
  void add(const pool::Record& pool, const Hash128& hash, std::uint64_t epoch,
           std::uint64_t columns) {
    const std::lock_guard lock(mutex_);
    if (items_.size() >= limit) items_.clear();
    items_[{&pool, hash}] = {epoch, columns};
  }
  /// Its columns; nothing if it is not known to be accepted.
  std::optional<std::uint64_t> find(const pool::Record& pool, const Hash128& hash,
                                    std::uint64_t epoch) {
    const std::lock_guard lock(mutex_);
    const auto it = items_.find({&pool, hash});
    if (it == items_.end() || it->second.epoch != epoch) return std::nullopt;
    return it->second.columns;
  }

 private:
  struct Key {
    const pool::Record* pool;
    Hash128 hash;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const {
      return std::hash<Hash128>{}(key.hash) ^ std::hash<const void*>{}(key.pool);
    }
  };
  std::mutex mutex_;
  struct Item {
    std::uint64_t epoch;
    std::uint64_t columns;
  };
  std::unordered_map<Key, Item, KeyHash> items_;
};

}  // namespace heim::session
