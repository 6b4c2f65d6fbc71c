#include "session/guide.hpp"

#include <algorithm>

#include "session/pool.hpp"

namespace heim::session {

struct Guide::Plans {
  route::PlanCache cache;
  std::uint64_t catalog_version = ~std::uint64_t{0};
};

Guide::Guide(Shared& shared, std::uint32_t worker) : shared_(shared) {
  turn_.random ^= shared.hash_seed + worker;
}

Guide::~Guide() {
  if (heat_) shared_.temperatures.leave(*heat_);
}

void Guide::use(const Rules& rules) {
  rules_ = rules.routes;
  for (auto& [database, plans] : plans_) plans->catalog_version = ~std::uint64_t{0};
  look_at_nodes();
}

// Also where reads stay with the primary: whoever asks for a standby gets one, and what is written
// has to be known by the time the configuration says otherwise.
void Guide::look_at_nodes() {
  const bool was = std::exchange(on_, shared_.accounts());
  if (on_ && !was && looked_) began_ = true;
  looked_ = true;
  if (!on_ || heat_) return;
  heat_ = std::make_unique<freshness::Heat>(Temperatures::tables);
  shared_.temperatures.join(*heat_);
}

route::Plan& Guide::plan(const sql::ScriptRef& script, std::string_view text, Pool& pool) {
  Plans*& plans = pool.plans;
  if (!plans) {
    auto& slot = plans_[pool.dbname];
    if (!slot) slot = std::make_unique<Plans>();
    plans = slot.get();
  }
  if (pool.catalog_version != shared_.catalogs.version()) pool.look_at_catalog();
  if (plans->catalog_version != pool.catalog_version) {
    plans->catalog_version = pool.catalog_version;
    plans->cache.use({pool.catalog, rules_, &shared_.ledger, pool.ledger_database});
  }
  return plans->cache.find(script, text);
}

void Guide::profile(const sql::Script& script, Pool& pool, Duration took, std::uint64_t rows) {
  route::Plan* plan = pool.plans ? pool.plans->cache.peek(&script) : nullptr;
  if (plan) plan->profile.note(took, rows);
}

route::World Guide::world() const { return {shared_.nodes, shared_.ledger, loads_, turn_}; }

route::Decision Guide::decide(const route::Ask& ask, Instant now) {
  return route::decide(ask, world(), now);
}

// There are few: a node each, and as many reasons as the router has.
void Guide::note(std::uint32_t node, std::string_view reason) {
  for (Count& count : counts_) {
    if (count.node != node || count.reason.data() != reason.data()) continue;
    ++count.statements;
    return;
  }
  counts_.push_back({node, reason, 1});
}

void merge(route::Plan& into, const route::Plan& other) {
  const auto unite = [](std::vector<freshness::TableId>& ids,
                        const std::vector<freshness::TableId>& more) {
    for (const freshness::TableId id : more) {
      if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
    }
  };
  into.needs = route::merge(std::move(into.needs), other.needs);
  unite(into.reads, other.reads);
  unite(into.writes, other.writes);
  into.rules |= other.rules;
}

}  // namespace heim::session
