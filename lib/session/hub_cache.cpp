// What people are told about the cache: SHOW CACHE, SHOW CACHE QUERIES, SHOW CACHE TABLES.
#include <algorithm>
#include <limits>
#include <unordered_map>

#include "fleet/fleet.hpp"
#include "route/plan.hpp"
#include "session/hub.hpp"
#include "session/snapshot.hpp"
#include "session/warm_list.hpp"

namespace heim::session {
namespace {

constexpr std::size_t most_queries = 200;
constexpr std::size_t all = std::numeric_limits<std::size_t>::max();

void fill_counts(std::vector<ExplainRow>& rows, const cache::Stats& stats) {
  const std::pair<std::string_view, std::uint64_t> counts[] = {
      {"entries", stats.entries},
      {"bytes", stats.bytes},
      {"bytes_limit", stats.limit},
      {"bytes_overhead", stats.overhead},
      {"bytes_on_their_way", stats.outside},
      {"hits", stats.hits},
      {"hits_weaker", stats.hits_weaker},
      {"misses", stats.misses},
      {"misses_written_since", stats.dead},
      {"misses_expired", stats.expired},
      {"misses_left_out", stats.passed},
      {"misses_waited", stats.waits},
      {"evicted", stats.evicted},
      {"saved_us", stats.saved_us},
      {"asked_for_now", stats.flights},
      {"waiting_now", stats.waiting},
  };
  for (const auto& [name, count] : counts) {
    rows.push_back({std::string(name), std::to_string(count)});
  }
  for (std::size_t i = 0; i < stats.admitted.size(); ++i) {
    rows.push_back({"answers_" + std::string(to_text(static_cast<cache::Admission>(i))),
                    std::to_string(stats.admitted[i])});
  }
}

// Of whom writes are known.
std::string covers(bool fleet, bool follow) {
  const std::string known = fleet ? "the proxies of the fleet" : "this proxy";
  return "writes through " + known +
         (follow ? ", and by others as follows" : "; of others, ttl alone");
}

std::string ms_text(std::optional<Duration> age) {
  if (!age) return "never";
  return std::to_string(std::chrono::ceil<std::chrono::milliseconds>(*age).count());
}

void fill_fleet(std::vector<ExplainRow>& rows, const fleet::Fleet& fleet) {
  const fleet::Status status = fleet.status(fleet.options().clock());
  rows.push_back({"fleet", status.trusted ? "in step" : status.trouble});
  rows.push_back({"fleet_member", fleet.options().name});
  rows.push_back({"fleet_coherence", fleet.options().strict ? "strict" : "push"});
  rows.push_back({"fleet_lease", ms_text(fleet.options().lease) + " ms"});
  if (status.trusted) rows.push_back({"fleet_lag_us", std::to_string(to_us(status.lag))});
  for (const auto& [name, silent] : status.members) {
    rows.push_back({"fleet_other", name + ", heard " + ms_text(silent) + " ms ago"});
  }
  const std::pair<std::string_view, std::uint64_t> counts[] = {
      {"fleet_joins", status.joins},
      {"fleet_made_all_void", status.voids},
      {"fleet_messages_sent", status.sent},
      {"fleet_messages_heard", status.heard},
      {"fleet_commits_of_others", status.commits},
  };
  for (const auto& [name, count] : counts) {
    rows.push_back({std::string(name), std::to_string(count)});
  }
}

// How old an answer may be: since a database was last in step.
void fill_follow(std::vector<ExplainRow>& rows, const freshness::Follow* follow, Instant now) {
  if (follow == nullptr) return;
  const bool bypass = follow->options().bypass;
  for (const freshness::Follow::Row& row : follow->rows(now)) {
    const std::string lost = bypass ? "bypassed: " : "ttl alone: ";
    const auto add = [&](std::string_view what, std::string value) {
      rows.push_back({"follow." + row.name + "." + std::string(what), std::move(value)});
    };
    add("state", row.followed ? "in step" : lost + row.reason);
    add("rows_behind_ms", ms_text(row.rows));
    add("objects_behind_ms", ms_text(row.objects));
    add("commits", std::to_string(row.commits));
    add("object_changes", std::to_string(row.changes));
  }
}

void fill_warm_start(std::vector<ExplainRow>& rows, const WarmList::Counts& counts) {
  rows.push_back({"warm_start_asked", std::to_string(counts.asked)});
  rows.push_back({"warm_start_left", std::to_string(counts.left)});
  rows.push_back({"warm_start_left_out", std::to_string(counts.left_out)});
}

void fill_prefetch(std::vector<ExplainRow>& rows, const Shared& shared) {
  const auto& counts = shared.prefetch;
  const std::uint64_t stored = counts.stored, used = counts.used;
  rows.push_back({"prefetch_asked", std::to_string(counts.asked)});
  rows.push_back({"prefetch_stored", std::to_string(stored)});
  rows.push_back({"prefetch_used", std::to_string(used)});
  rows.push_back({"prefetch_used_percent", std::to_string(stored == 0 ? 0 : used * 100 / stored)});
  rows.push_back({"prefetch_dropped", std::to_string(counts.dropped)});
}

void add(CacheTableRow& sum, const cache::QueryRow& query) {
  ++sum.queries;
  sum.hits += query.hits;
  sum.misses += query.misses;
  sum.fills += query.fills;
  sum.invalidated += query.invalidated;
  sum.saved_us += query.saved_us;
}

// What is asked for most comes first.
std::vector<CacheTableRow> by_table(std::span<const cache::QueryRow> queries,
                                    const freshness::Ledger& ledger) {
  std::unordered_map<freshness::TableId, CacheTableRow> sums;
  for (const cache::QueryRow& query : queries) {
    for (const freshness::TableId table : query.tables) add(sums[table], query);
  }
  std::vector<CacheTableRow> rows;
  for (auto& [table, sum] : sums) {
    sum.table = ledger.name(table);
    if (!sum.table.ends_with('*')) rows.push_back(std::move(sum));  // else: any of its database
  }
  std::ranges::sort(rows, [](const CacheTableRow& a, const CacheTableRow& b) {
    const std::uint64_t one = a.hits + a.misses, other = b.hits + b.misses;
    return one != other ? one > other : a.table < b.table;
  });
  return rows;
}

}  // namespace

void Hub::fill_cache(Snapshot& snapshot) {
  if (worker != 0) return;  // it is the same for all
  if (!shared.cache) {
    snapshot.cache.push_back({"state", "off"});
    return;
  }
  const cache::Stats stats = shared.cache->stats();
  snapshot.cache.push_back({"state", stats.paused ? "paused" : "on"});
  snapshot.cache.push_back({"covers", covers(shared.fleet != nullptr, shared.follow != nullptr)});
  if (shared.fleet != nullptr) fill_fleet(snapshot.cache, *shared.fleet);
  if (shared.store != nullptr) {
    for (auto& [name, value] : shared.store->rows()) {
      snapshot.cache.push_back({std::move(name), std::move(value)});
    }
  }
  if (prefetch.is_on()) fill_prefetch(snapshot.cache, shared);
  if (shared.warm_list != nullptr) fill_warm_start(snapshot.cache, shared.warm_list->counts());
  fill_follow(snapshot.cache, shared.follow.get(), now());
  fill_counts(snapshot.cache, stats);
  std::vector<cache::QueryRow> queries = shared.cache->queries(all);
  snapshot.cache_tables = by_table(queries, shared.ledger);
  queries.resize(std::min(queries.size(), most_queries));
  for (cache::QueryRow& row : queries) {
    snapshot.cache_queries.push_back({route::fingerprint_text(row.fingerprint), row.hits,
                                      row.misses, row.fills, row.invalidated, row.unused,
                                      row.mean_bytes, row.mean_us, row.saved_us, row.left_out,
                                      std::move(row.reason)});
  }
}

}  // namespace heim::session
