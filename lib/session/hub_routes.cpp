// What people are told about routing: SHOW ROUTES, SHOW LEDGER, SHOW ROUTE FOR.
#include "route/explain.hpp"
#include "session/hub.hpp"
#include "session/snapshot.hpp"
#include "sql/hint.hpp"

namespace heim::session {
namespace {

constexpr std::string_view temperature_words[] = {"frozen", "cold", "warm", "hot"};

}  // namespace

void Hub::fill_routes(Snapshot& snapshot) {
  for (const Guide::Count& count : guide.counts()) {
    snapshot.routes.push_back(
        {shared.nodes.node(count.node).name, std::string(count.reason), count.statements});
  }
}

void Hub::fill_ledger(Snapshot& snapshot) {
  if (worker != 0) return;  // it is the same for all
  for (freshness::Ledger::Row& row : shared.ledger.rows()) {
    LedgerRow shown{std::move(row.database),
                    std::move(row.table),
                    row.version,
                    row.in_flight,
                    row.sampled ? route::lsn_text(row.lsn) : std::string(),
                    std::nullopt,
                    std::string(temperature_words[static_cast<std::size_t>(row.temperature)])};
    if (row.last_write != Instant{}) {
      shown.written_ago_ms = static_cast<std::uint64_t>(to_us(now() - row.last_write) / 1000);
    }
    snapshot.ledger.push_back(std::move(shown));
  }
}

std::vector<ExplainRow> Hub::explain_route(const std::string& database, const std::string& sql) {
  const Pool* found = nullptr;
  for (const auto& [key, pool] : pools_) {
    if (pool->for_listener || (!database.empty() && pool->database != database)) continue;
    if (!found || pool->clients > found->clients) found = pool.get();
  }
  if (!found) return {{"error", "no session of this worker uses such a database"}};
  Pool& pool = *mine(found->record);
  pool.look_at_catalog();
  const sql::ScriptRef script = analysis.find(sql);
  const sql::Hint hint = sql::find_hint(sql);
  route::Ask ask{.plan = guide.plan(script, sql, pool),
                 .policy = pool.policy,
                 .wish = route::parse_wish(hint.route).value_or(route::WishView{}),
                 .freshness = {},
                 .hint = freshness::parse_freshness(hint.freshness),
                 .user_wish = config::view(pool.wish),
                 .transaction = {},
                 .rules = guide.rules()};
  const route::Decision decision = guide.decide(ask, now());
  std::vector<ExplainRow> rows;
  for (route::Explained& each : route::explain(ask, decision, guide.world(), now())) {
    rows.push_back({std::move(each.what), std::move(each.value)});
  }
  return rows;
}

}  // namespace heim::session
