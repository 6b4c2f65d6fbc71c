// The cache by itself: a program says which tables a statement reads, and when one was written.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cache/cache.hpp"

namespace heim::embed {

/// [any thread]
class Cache {
 public:
  using Limits = cache::Cache::Limits;
  explicit Cache(Limits limits);

  struct Query {
    std::string_view statement, context;
    std::vector<std::optional<std::string_view>> parameters;
    std::vector<std::string_view> tables;
    Duration wait{0};  // for another one that asks the same
  };
  /// One of them, or neither: go on without the cache. They end before this does.
  struct Found {
    cache::EntryRef entry;
    cache::Fill fill;
  };
  Found find(const Query& query);
  cache::Admission store(cache::Fill& fill, Bytes bytes, Duration cost);

  bool invalidate(const Query& query);
  void invalidate_table(std::string_view table);
  void invalidate_all() { cache_.invalidate_all(); }
  cache::Stats stats() const { return cache_.stats(); }

 private:
  /// Threads that wait.
  class Line final : public cache::Waiter {
   public:
    std::uint64_t join();
    /// Nothing: the time is over.
    std::optional<cache::Wake> wait(std::uint64_t token, Instant until);
    void wake(std::uint64_t token, cache::Wake why) override;

   private:
    struct Place {
      std::optional<cache::Wake> why;
      std::condition_variable rung;
    };
    std::mutex mutex_;
    std::uint64_t last_ = 0;
    std::unordered_map<std::uint64_t, Place> places_;
  };

  cache::Key key_of(const Query& query) const;
  std::vector<cache::TableId> tables_of(const Query& query);

  const std::uint64_t seed_;
  freshness::Ledger ledger_;
  const freshness::DatabaseId database_;
  Line line_;
  cache::Cache cache_;
};

}  // namespace heim::embed
