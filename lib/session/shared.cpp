#include "session/shared.hpp"

namespace heim::session {

void Shared::open_cache(const cache::Cache::Limits& limits) {
  cache = std::make_unique<cache::Cache>(ledger, limits);
  cache_waiter = std::make_unique<CacheWaiter>(fabric);
}

void Shared::wake_withheld(std::uint64_t token) {
  const std::uint64_t id = token & ((std::uint64_t{1} << 48) - 1);
  fabric->post(static_cast<pool::WorkerId>(token >> 48), [id](Hub& hub) {
    const auto found = hub.withheld.find(id);
    if (found != hub.withheld.end()) found->second->go_on();
  });
}

// What was read from a primary that went away may be of commits that are gone.
void Shared::look_at_primary() {
  std::optional<std::uint32_t> now;
  for (std::uint32_t i = 0; i < nodes.size(); ++i) {
    const bool serves = nodes.state(i).condition.load() == cluster::Condition::serving;
    if (nodes.role(i) == cluster::Role::primary && serves) now = i;
  }
  if (std::exchange(primary_, now) != now && cache) cache->invalidate_all();
}

}  // namespace heim::session
