#include "route/decide.hpp"

#include <algorithm>
#include <array>

#include "route/router.hpp"

namespace heim::route {

namespace {

using cluster::Role;
using freshness::Freshness;
using freshness::Scope;
using freshness::Verdict;

constexpr std::string_view primary_anyway =
    "a wish for another node does not hold for what must run on the primary";
constexpr std::string_view node_not_fit = "the node wished for cannot serve it now";

/// Nodes that may get a statement; never more than there are.
struct Candidates {
  std::array<std::uint32_t, cluster::max_nodes> nodes;
  std::size_t count = 0;
  void add(std::uint32_t node) { nodes[count++] = node; }
  std::span<const std::uint32_t> all() const { return {nodes.data(), count}; }
};

/// What was asked for, from the one who asks most plainly.
struct Asked {
  WishView wish;
  Freshness freshness;
  const Outcome* rule = nullptr;
};

// It takes the snapshot that later statements will see.
bool takes_snapshot(const Ask& ask) { return ask.begins_block && ask.transaction.snapshot; }

Freshness freshness_of(const Ask& ask, const Outcome* rule) {
  const auto ruled = rule == nullptr || ask.freshness ? std::nullopt : rule->freshness;
  Freshness session = ask.freshness.value_or(ask.policy.freshness);
  if (ruled && rule->of_session) session = *ruled;
  const auto own = ask.hint ? ask.hint : ruled;
  // One statement cannot loosen what others of its snapshot will see.
  const bool counts = own && (!takes_snapshot(ask) || own->scope < session.scope);
  return counts ? *own : session;
}

Asked asked_of(const Ask& ask, const World& world) {
  Asked asked;
  asked.rule = rule_of(ask.plan, ask.rules, ask.session_rules, world.ledger);
  asked.wish = ask.wish;
  if (asked.wish.kind == Wish::Kind::none && asked.rule != nullptr)
    asked.wish = view(asked.rule->wish);
  if (asked.wish.kind == Wish::Kind::none) asked.wish = ask.user_wish;
  asked.freshness = freshness_of(ask, asked.rule);
  return asked;
}

Verdict verdict_of(const Ask& ask, const Freshness& freshness, const World& world, Instant now) {
  const freshness::Reader reader{.freshness = freshness,
                                 .mark = ask.mark,
                                 .group = ask.group,
                                 .min_lsn = ask.min_lsn,
                                 .lag_window = ask.policy.lag_window};
  // A snapshot that later statements share must hold for what they will read.
  if (takes_snapshot(ask) || ask.plan.needs.begins || ask.plan.needs.reads_everything) {
    return world.ledger.required_everything(ask.plan.database, reader, now);
  }
  return world.ledger.required(ask.plan.reads, reader, now);
}

bool fresh(const World& world, std::uint32_t node, const Verdict& verdict) {
  const cluster::NodeState& state = world.nodes.state(node);
  return verdict.allows(state.replayed.load(std::memory_order_acquire),
                        state.lag_ns.load(std::memory_order_relaxed));
}

Decision on_primary(const World& world, std::string_view reason, Instant now) {
  Decision decision;
  const auto choice = the_primary(world.nodes, now);
  if (choice) decision.node = choice->node;
  decision.reason = reason;
  return decision;
}

Decision on_node(const World& world, std::uint32_t node, std::string_view reason) {
  Decision decision;
  decision.node = node;
  decision.reason = reason;
  decision.standby = world.nodes.role(node) == Role::standby;
  return decision;
}

/// The rule's own nodes, by name or tag.
bool listed(const Outcome* rule, const cluster::Node& node) {
  if (rule == nullptr || rule->nodes.empty()) return true;
  return std::ranges::any_of(rule->nodes, [&](const std::string& wanted) {
    return wanted == node.name || std::ranges::find(node.tags, wanted) != node.tags.end();
  });
}

/// Why no standby serves.
std::string_view why_none(const World& world, const Verdict& verdict, const Candidates& up) {
  if (up.count == 0) return "no standby is up";
  if (!verdict.reason.empty()) return verdict.reason;
  for (const std::uint32_t node : up.all()) {
    if (world.nodes.state(node).replayed.load(std::memory_order_relaxed) != 0) {
      return "no standby has replayed far enough";
    }
  }
  return "nothing is known of what the standbys have replayed";
}

/// Those of the proxy's own zone, if there are any.
void keep_near(const Ask& ask, const World& world, Candidates& from) {
  Candidates near;
  for (const std::uint32_t node : from.all()) {
    if (world.nodes.node(node).zone == ask.policy.zone) near.add(node);
  }
  if (near.count != 0) from = near;
}

std::optional<std::uint32_t> named(const cluster::Topology& nodes, std::string_view name) {
  for (std::uint32_t i = 0; i < nodes.size(); ++i) {
    if (nodes.node(i).name == name && nodes.role(i) != Role::removed) return i;
  }
  return std::nullopt;
}

Decision wished_node(const Asked& asked, const Verdict& verdict, const World& world, Instant now) {
  const auto node = named(world.nodes, asked.wish.node);
  const bool up = node && world.nodes.up(*node, now);
  const Role role = node ? world.nodes.role(*node) : Role::unknown;
  if (up && (role == Role::primary || (role == Role::standby && fresh(world, *node, verdict)))) {
    return on_node(world, *node, "the node asked for");
  }
  Decision decision = on_primary(world, node_not_fit, now);
  decision.remark = !node ? "there is no node of that name"
                    : !up ? "it is not up"
                          : "it has not replayed far enough";
  return decision;
}

/// The standbys that are up, and of these the ones that are fresh enough.
void gather(const World& world, const Outcome* rule, const Verdict& verdict, Instant now,
            Candidates& up, Candidates& fit) {
  for (std::uint32_t i = 0; i < world.nodes.size(); ++i) {
    if (world.nodes.role(i) != Role::standby || !world.nodes.up(i, now)) continue;
    if (!listed(rule, world.nodes.node(i))) continue;
    up.add(i);
    if (fresh(world, i, verdict)) fit.add(i);
  }
}

/// A read that may run on any node that is fresh enough.
Decision spread(const Ask& ask, const Asked& asked, const World& world, Instant now) {
  Verdict verdict = verdict_of(ask, asked.freshness, world, now);
  Decision decision;
  if (asked.wish.kind == Wish::Kind::node) {
    decision = wished_node(asked, verdict, world, now);
    decision.verdict = verdict;
    return decision;
  }
  Candidates up, fit;
  const bool near = asked.wish.kind == Wish::Kind::nearest;
  gather(world, asked.rule, verdict, now, up, fit);
  if (near || (ask.policy.include_primary && asked.wish.kind == Wish::Kind::none)) {
    const auto primary = the_primary(world.nodes, now);
    if (primary && world.nodes.up(primary->node, now)) fit.add(primary->node);
  }
  if (near) keep_near(ask, world, fit);
  if (fit.count == 0) {
    decision = on_primary(world, why_none(world, verdict, up), now);
  } else {
    const std::uint32_t node =
        pick(ask.policy.balance, fit.all(), world.nodes, world.loads, world.turn, now);
    decision = on_node(world, node, near ? "reads only: the nearest node" : "reads only");
  }
  decision.verdict = verdict;
  return decision;
}

Decision read(const Ask& ask, const World& world, Instant now) {
  const Asked asked = asked_of(ask, world);
  Decision decision;
  if (asked.wish.kind == Wish::Kind::primary) {
    decision = on_primary(world, "the primary was asked for", now);
  } else if (asked.wish.kind == Wish::Kind::none && ask.policy.reads == Reads::primary) {
    decision = on_primary(world, "reads go to the primary here", now);
  } else {
    decision = spread(ask, asked, world, now);
  }
  decision.rule = asked.rule;
  return decision;
}

/// The transaction has its node; what it may still need is time.
Decision stay(const Ask& ask, const World& world, Instant now) {
  const TransactionView& transaction = ask.transaction;
  Decision decision = on_node(world, transaction.node, "the transaction is on this node");
  if (!decision.standby || ask.policy.standby_only) return decision;
  if (transaction.snapshot && !ask.begins_block) return decision;  // what it sees is settled
  if (ask.plan.needs.place != Place::standby && !ask.plan.needs.soft) return decision;
  const Asked asked = asked_of(ask, world);
  decision.verdict = verdict_of(ask, asked.freshness, world, now);
  decision.wait = !fresh(world, transaction.node, decision.verdict);
  if (decision.wait) decision.reason = "waits for its standby to replay";
  return decision;
}

Decision begin(const Ask& ask, const World& world, Instant now) {
  const Needs& needs = ask.plan.needs;
  const bool read_only = needs.read_only || (ask.transaction.read_only && !needs.read_write);
  if (!read_only) return on_primary(world, "a transaction that may write", now);
  if (needs.serializable || ask.transaction.serializable) {
    return on_primary(world, "SERIALIZABLE is for the primary", now);
  }
  return read(ask, world, now);
}

Decision anywhere(const Ask& ask, const World& world, Instant now) {
  if (ask.wish.kind != Wish::Kind::standby) return on_primary(world, ask.plan.needs.reason, now);
  Decision decision = any_standby(ask.policy.balance, world, now);
  decision.reason = ask.plan.needs.reason;
  return decision;
}

Decision outside(const Ask& ask, const World& world, Instant now) {
  const Needs& needs = ask.plan.needs;
  if (needs.place == Place::control) {
    return needs.begins ? begin(ask, world, now) : on_primary(world, needs.reason, now);
  }
  const bool by_name = ask.wish.kind == Wish::Kind::standby || ask.wish.kind == Wish::Kind::node;
  const bool may = needs.place == Place::standby || (needs.if_asked && by_name);
  if (needs.place == Place::any && !ask.begins_block) return anywhere(ask, world, now);
  if (!may && needs.place != Place::any) return on_primary(world, needs.reason, now);
  if (ask.transaction.serializable) {
    return on_primary(world, "SERIALIZABLE is for the primary", now);
  }
  if (ask.begins_block && !ask.transaction.read_only) {
    return on_primary(world, "a transaction that may write", now);
  }
  return read(ask, world, now);
}

}  // namespace

const Outcome* rule_of(Plan& plan, const Rules* rules, RuleMask session_rules,
                       const freshness::Ledger& ledger) {
  if (rules == nullptr) return nullptr;
  RuleMask mask = plan.rules & session_rules;
  if (mask == 0) return nullptr;
  if (rules->asks_workload()) {
    mask &= rules->of_workload(plan.profile.classify(plan.needs.distance));
  }
  if (rules->asks_temperature()) {
    auto most = freshness::Temperature::frozen;
    // The first is everything: no table.
    for (std::size_t i = 1; i < plan.reads.size(); ++i) {
      most = std::max(most, ledger.temperature(plan.reads[i]));
    }
    mask &= rules->of_temperature(most);
  }
  return rules->outcome(mask);
}

Policy policy_of(const config::Settings& settings, const config::Database* database,
                 const config::User* user) {
  const config::Routing& routing = settings.routing;
  Policy policy{.reads = routing.reads,
                .freshness = routing.freshness,
                .lag_window = routing.replication_lag_window,
                .balance = routing.balance,
                .zone = routing.zone,
                .include_primary = routing.include_primary};
  if (database != nullptr && database->freshness) policy.freshness = *database->freshness;
  if (user != nullptr && user->freshness) policy.freshness = *user->freshness;
  policy.standby_only = database != nullptr && database->route == config::Route::standby;
  return policy;
}

Wish wish_of(const config::User* user) {
  return user != nullptr && user->route ? *user->route : Wish{};
}

Decision any_standby(Balance balance, const World& world, Instant now) {
  Verdict whatever;
  whatever.any = true;
  Candidates up, fit;
  gather(world, nullptr, whatever, now, up, fit);
  if (fit.count == 0) return on_primary(world, "standby asked for, none is up: primary", now);
  const auto node = pick(balance, fit.all(), world.nodes, world.loads, world.turn, now);
  return on_node(world, node, "standby asked for");
}

Decision decide(const Ask& ask, const World& world, Instant now) {
  if (ask.transaction.open) return stay(ask, world, now);
  if (ask.policy.standby_only) return any_standby(ask.policy.balance, world, now);
  Decision decision = outside(ask, world, now);
  const bool elsewhere = ask.wish.kind == Wish::Kind::standby || ask.wish.kind == Wish::Kind::node;
  if (elsewhere && !decision.standby && ask.plan.needs.place == Place::primary &&
      !ask.plan.needs.if_asked) {
    decision.remark = primary_anyway;
  }
  return decision;
}

}  // namespace heim::route
