// What people are told about the cache: SHOW CACHE, SHOW CACHE QUERIES.
#include "route/plan.hpp"
#include "session/hub.hpp"
#include "session/snapshot.hpp"

namespace heim::session {
namespace {

constexpr std::size_t most_queries = 200;

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

std::string ms_text(std::optional<Duration> age) {
  if (!age) return "never";
  return std::to_string(std::chrono::ceil<std::chrono::milliseconds>(*age).count());
}

// How old an answer may be: since a database was last in step.
void fill_follow(std::vector<ExplainRow>& rows, const freshness::Follow* follow, Instant now) {
  if (follow == nullptr) {
    rows.push_back({"covers", "writes through this proxy; of others, ttl alone"});
    return;
  }
  const bool bypass = follow->options().bypass;
  rows.push_back({"covers", "writes through this proxy, and by others as follows"});
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

}  // namespace

void Hub::fill_cache(Snapshot& snapshot) {
  if (worker != 0) return;  // it is the same for all
  if (!shared.cache) {
    snapshot.cache.push_back({"state", "off"});
    return;
  }
  const cache::Stats stats = shared.cache->stats();
  snapshot.cache.push_back({"state", stats.paused ? "paused" : "on"});
  fill_follow(snapshot.cache, shared.follow.get(), now());
  fill_counts(snapshot.cache, stats);
  for (cache::QueryRow& row : shared.cache->queries(most_queries)) {
    snapshot.cache_queries.push_back({route::fingerprint_text(row.fingerprint), row.hits,
                                      row.misses, row.fills, row.invalidated, row.unused,
                                      row.mean_bytes, row.mean_us, row.saved_us, row.left_out,
                                      std::move(row.reason)});
  }
}

}  // namespace heim::session
