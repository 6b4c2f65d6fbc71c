#include "session/guide.hpp"

#include <algorithm>
#include <charconv>

#include "session/pool.hpp"

namespace heim::session {

std::optional<std::uint64_t> parse_position(std::string_view text) {
  if (const std::size_t colon = text.find(':'); colon != text.npos) text.remove_prefix(colon + 1);
  const std::size_t slash = text.find('/');
  if (slash == text.npos) return std::nullopt;
  const auto part = [](std::string_view digits) -> std::optional<std::uint32_t> {
    std::uint32_t value = 0;
    const char* end = digits.data() + digits.size();
    const auto [at, error] = std::from_chars(digits.data(), end, value, 16);
    return error == std::errc() && at == end ? std::optional(value) : std::nullopt;
  };
  const auto high = part(text.substr(0, slash)), low = part(text.substr(slash + 1));
  if (!high || !low) return std::nullopt;
  return std::uint64_t{*high} << 32 | *low;
}

struct Guide::Plans {
  route::PlanCache cache;
  std::uint64_t catalog_version = ~std::uint64_t{0};
};

Guide::Guide(Shared& shared, std::uint32_t worker) : shared_(shared) {
  turn_.random ^= shared.hash_seed + worker;
}

Guide::~Guide() = default;

void Guide::use(const Rules& rules) {
  rules_ = rules.routes;
  wanted_ = rules.settings.routing.reads == config::Reads::standby;
  for (auto& [database, plans] : plans_) plans->catalog_version = ~std::uint64_t{0};
  look_at_nodes();
}

// Where all nodes are known to be primaries there is nothing to choose from.
void Guide::look_at_nodes() { on_ = wanted_ && shared_.nodes.size() > 1; }

route::Plan& Guide::plan(const sql::ScriptRef& script, std::string_view text, Pool& pool) {
  Plans*& plans = pool.plans;
  if (!plans) {
    auto& slot = plans_[pool.database];
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

route::World Guide::world() const { return {shared_.nodes, shared_.ledger, loads_, turn_}; }

route::Decision Guide::decide(const route::Ask& ask, Instant now) {
  return route::decide(ask, world(), now);
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
