// heim_cache: the cache without a proxy.
#include "embed/cache.hpp"

#include <cstddef>
#include <memory>

#include "capi/guard.hpp"
#include "capi/options.hpp"
#include "heimproxy/parts.h"

using heim::capi::Failure;
using heim::capi::guard;
using heim::capi::require;

namespace embed = heim::embed;

struct heim_cache {
  std::shared_ptr<embed::Cache> cache;
};

// The cache goes last.
struct heim_cache_entry {
  std::shared_ptr<embed::Cache> cache;
  heim::cache::EntryRef entry;
};
struct heim_cache_fill {
  std::shared_ptr<embed::Cache> cache;
  heim::cache::Fill fill;
  heim::Instant asked;
};

namespace {

heim::Instant clock_now() { return std::chrono::steady_clock::now(); }

embed::Cache::Limits limits_of(const heim_cache_options* given) {
  constexpr heim_cache_options defaults = HEIM_CACHE_OPTIONS_INIT;
  const auto options = heim::capi::options_of(given, defaults, sizeof defaults, "options");
  embed::Cache::Limits limits;
  if (options.max_bytes != 0) limits.bytes = options.max_bytes;
  if (options.max_entry_bytes != 0) limits.entry_bytes = options.max_entry_bytes;
  if (options.ttl_ns != 0) {
    constexpr auto most = static_cast<std::uint64_t>(heim::Duration::max().count() / 4);
    limits.ttl = heim::Duration(static_cast<std::int64_t>(std::min(options.ttl_ns, most)));
  }
  limits.automatic = options.keep_all == 0;
  return limits;
}

embed::Cache::Query query_of(const heim_cache_query* given) {
  require(given, "query");
  constexpr heim_cache_query defaults = HEIM_CACHE_QUERY_INIT;
  const auto query = heim::capi::options_of(given, defaults, sizeof defaults, "query");
  require(query.statement, "statement");
  if (query.parameter_count != 0) require(query.parameters, "parameters");
  if (query.table_count != 0) require(query.tables, "tables");
  if (query.table_count > 60) throw Failure(HEIM_INVALID_ARGUMENT, "more than 60 tables");
  embed::Cache::Query out;
  out.statement = query.statement;
  if (query.context != nullptr) out.context = query.context;
  for (std::size_t i = 0; i < query.parameter_count; ++i) {
    const char* value = query.parameters[i];
    if (value == nullptr) {
      out.parameters.emplace_back();
    } else if (query.parameter_lengths != nullptr) {
      out.parameters.emplace_back(std::string_view(value, query.parameter_lengths[i]));
    } else {
      out.parameters.emplace_back(value);
    }
  }
  for (std::size_t i = 0; i < query.table_count; ++i) {
    require(query.tables[i], "tables");
    out.tables.emplace_back(query.tables[i]);
  }
  constexpr auto most = static_cast<std::uint64_t>(heim::Duration::max().count());
  out.wait = heim::Duration(static_cast<std::int64_t>(std::min(query.wait_ns, most)));
  return out;
}

}  // namespace

heim_status heim_cache_new(const heim_cache_options* options, heim_cache** out, heim_error* error) {
  return guard(error, [&] {
    require(out, "out");
    *out = new heim_cache{std::make_shared<embed::Cache>(limits_of(options))};
  });
}

void heim_cache_free(heim_cache* cache) { delete cache; }

heim_status heim_cache_find(heim_cache* cache, const heim_cache_query* given,
                            heim_cache_entry** entry, heim_cache_fill** fill, heim_error* error) {
  return guard(error, [&] {
    require(cache, "cache");
    require(entry, "entry");
    require(fill, "fill");
    const embed::Cache::Query query = query_of(given);
    auto found = cache->cache->find(query);
    heim_cache_entry* new_entry = nullptr;
    heim_cache_fill* new_fill = nullptr;
    if (found.entry) new_entry = new heim_cache_entry{cache->cache, std::move(found.entry)};
    if (found.fill)
      new_fill = new heim_cache_fill{cache->cache, std::move(found.fill), clock_now()};
    *entry = new_entry;
    *fill = new_fill;
  });
}

const void* heim_cache_entry_data(const heim_cache_entry* entry, size_t* length) {
  const heim::Bytes bytes = entry->entry->bytes();
  if (length != nullptr) *length = bytes.size();
  return bytes.data();
}

void heim_cache_entry_free(heim_cache_entry* entry) { delete entry; }

heim_status heim_cache_fill_store(heim_cache_fill* fill, const void* data, size_t length,
                                  int* stored, heim_error* error) {
  const std::unique_ptr<heim_cache_fill> owned(fill);
  return guard(error, [&] {
    require(fill, "fill");
    if (length != 0) require(data, "data");
    const heim::Bytes bytes(static_cast<const std::uint8_t*>(data), length);
    const auto how = fill->cache->store(fill->fill, bytes, clock_now() - fill->asked);
    if (stored != nullptr) *stored = how == heim::cache::Admission::stored;
  });
}

void heim_cache_fill_free(heim_cache_fill* fill) { delete fill; }

heim_status heim_cache_invalidate_table(heim_cache* cache, const char* table, heim_error* error) {
  return guard(error, [&] {
    require(cache, "cache");
    require(table, "table");
    cache->cache->invalidate_table(table);
  });
}

heim_status heim_cache_invalidate(heim_cache* cache, const heim_cache_query* query,
                                  heim_error* error) {
  return guard(error, [&] {
    require(cache, "cache");
    cache->cache->invalidate(query_of(query));
  });
}

void heim_cache_invalidate_all(heim_cache* cache) {
  if (cache != nullptr) cache->cache->invalidate_all();
}

heim_status heim_cache_get_stats(const heim_cache* cache, heim_cache_stats* out,
                                 heim_error* error) {
  return guard(error, [&] {
    require(cache, "cache");
    require(out, "out");
    const heim::cache::Stats stats = cache->cache->stats();
    heim_cache_stats told = HEIM_CACHE_STATS_INIT;
    told.hits = stats.hits;
    told.misses = stats.misses;
    for (const std::uint64_t count : stats.admitted) told.refused += count;
    told.stored = stats.admitted[static_cast<std::size_t>(heim::cache::Admission::stored)];
    told.refused -= told.stored;
    told.evicted = stats.evicted + stats.evicted_dead;
    told.entries = stats.entries;
    told.bytes = stats.bytes;
    told.max_bytes = stats.limit;
    heim::capi::put_struct(out, told, "out");
  });
}
