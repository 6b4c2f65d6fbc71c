#include "embed/router.hpp"

#include <algorithm>

#include "embed/failure.hpp"
#include "runtime/role.hpp"
#include "session/statement_text.hpp"
#include "sql/analysis.hpp"
#include "sql/hint.hpp"

namespace heim::embed {
namespace {

template <class Entry>
const Entry* find(const std::vector<Entry>& entries, std::string_view name) {
  const auto at = std::ranges::find(entries, name, &Entry::name);
  return at == entries.end() ? nullptr : &*at;
}

Instant clock_now() { return std::chrono::steady_clock::now(); }

}  // namespace

Router::Router(const config::Settings& settings, std::string database)
    : settings_(settings),
      database_(std::move(database)),
      ledger_database_(ledger_.database(database_)) {
  entry_ = find(settings_.databases, database_);
  if (!entry_) entry_ = find(settings_.databases, "*");
  if (!settings_.rules.empty()) {
    auto rules = route::Rules::compile(settings_.rules);
    if (!rules) throw Failure(Trouble::invalid, rules.error().message);
    rules_ = *std::move(rules);
  }
  list_nodes(nodes_, settings_);
}

bool Router::set_node(std::string_view name, const NodeView& view) {
  const std::optional<std::uint32_t> found = find_node(nodes_, name);
  if (!found) return false;
  cluster::NodeState& state = nodes_.state(*found);
  set_state(state, runtime::role_of(settings_.nodes[*found].role), view);
  if (state.role == cluster::Role::primary && view.lsn != 0) {
    ledger_.sample_done(ledger_.sample_begins(), view.lsn);
  }
  return true;
}

route::Plan Router::plan(const sql::ScriptRef& script, std::string_view sql) {
  return route::make_plan(*script, sql, catalog_.get(), rules_.get(), ledger_, ledger_database_);
}

void Router::note_commit(std::string_view sql) {
  freshness::WriteSet writes;
  writes.add(plan(sql::analyse(sql, &parser_), sql).writes);
  if (writes.empty()) return;
  freshness::CommitTicket ticket = ledger_.begin_commit(ledger_database_, writes);
  ledger_.end_commit(ticket, freshness::Outcome::committed, clock_now());
}

Routed Router::route(std::string_view sql, route::Who who) {
  const Instant now = clock_now();
  who.database = database_;
  Routed out;
  out.script = sql::analyse(sql, &parser_);
  route::Plan made = plan(out.script, sql);
  const config::User* user = find(settings_.users, who.user);
  const route::Policy policy = route::policy_of(settings_, entry_, user);
  const route::Wish wish = route::wish_of(user);
  const sql::Hint hint = sql::find_hint(sql);
  const route::Ask ask{.plan = made,
                       .policy = policy,
                       .wish = route::parse_wish(hint.route).value_or(route::WishView{}),
                       .freshness = {},
                       .hint = freshness::parse_freshness(hint.freshness),
                       .user_wish = config::view(wish),
                       .transaction = {},
                       .rules = rules_.get(),
                       .session_rules = rules_ ? rules_->of_session(who) : 0};
  const route::World world{nodes_, ledger_, loads_, turn_};
  const route::Decision decision = route::decide(ask, world, now);
  if (decision.node) out.node = nodes_.node(*decision.node).name;
  out.reason = decision.reason;
  out.explained = route::explain(ask, decision, world, now);
  out.parameters = session::highest_parameter(sql);
  out.is_volatile = (out.script->effects & sql::effect::is_volatile) != 0;
  out.needs = std::move(made.needs);
  return out;
}

}  // namespace heim::embed
