// Where one statement runs, and why: a pure function of what it needs, what is wished, what the
// session is in, and what is known of the cluster at this moment.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cluster/topology.hpp"
#include "freshness/ledger.hpp"
#include "route/balance.hpp"
#include "route/plan.hpp"
#include "route/wish.hpp"

namespace heim::route {

using config::Reads;

/// `[routing]` of the configuration, and what a database or user has instead.
struct Policy {
  Reads reads = Reads::standby;
  freshness::Freshness freshness;
  Duration lag_window{0};
  Balance balance = Balance::least_connections;
  std::string zone;              // where this proxy is
  bool include_primary = false;  // reads go to the primary as to one node of several
  /// [[databases]] route = "standby", or the session's startup option asked so: all that is not a
  /// transaction elsewhere goes to a standby, however fresh it is; writes fail there.
  bool standby_only = false;
};

/// Null: no entry of its own.
Policy policy_of(const config::Settings& settings, const config::Database* database,
                 const config::User* user);
/// The wish of a user's entry; none without one.
Wish wish_of(const config::User* user);

/// What the session's transaction is at the moment.
struct TransactionView {
  bool open = false;       // a block, or the rest of a batch: it has a node
  std::uint32_t node = 0;  // the one it is on
  bool wrote = false;      // or may have
  bool read_only = false;  // declared so
  bool serializable = false;
  bool snapshot = false;  // REPEATABLE READ: what its first statement sees, all of them see
};

/// A decision that is to be made.
struct Ask {
  Plan& plan;
  const Policy& policy;
  /// Of a hint, or else of SET heimproxy.route; none: the rule's, the user's, or the policy's.
  WishView wish;
  /// Of SET heimproxy.freshness. None: the rule's, or the policy's.
  std::optional<freshness::Freshness> freshness;
  /// Of a hint: counts more than these.
  std::optional<freshness::Freshness> hint = std::nullopt;
  WishView user_wish;  // [[users]] route
  TransactionView transaction;
  const freshness::SessionMark* mark = nullptr;
  freshness::TableId group = 0;
  std::uint64_t min_lsn = 0;
  const Rules* rules = nullptr;
  RuleMask session_rules = 0;  // Rules::of_session()
  /// The first statement of a block: its BEGIN was held back, or is all that the node has seen. It
  /// takes the snapshot, where there is one for all.
  bool begins_block = false;
};

struct World {
  const cluster::Topology& nodes;
  const freshness::Ledger& ledger;
  const Loads& loads;
  Turn& turn;
};

struct Decision {
  /// Nothing: no node can be tried at all.
  std::optional<std::uint32_t> node;
  std::string_view reason;  // static text; never empty
  std::string_view remark;  // static text: what was wished and could not be; may be empty
  bool standby = false;     // the node is a standby
  /// In an open transaction on a standby that has not replayed what this statement has to see: it
  /// waits until decide() says otherwise, or is refused. Never set outside.
  bool wait = false;
  freshness::Verdict verdict;     // what was asked of a standby; for SHOW ROUTE
  const Outcome* rule = nullptr;  // the one that decided; good as long as the rules
};

Decision decide(const Ask& ask, const World& world, Instant now);

/// What the first rule says that holds for the statement and its session. Null: none does.
const Outcome* rule_of(Plan& plan, const Rules* rules, RuleMask session_rules,
                       const freshness::Ledger& ledger);

/// One that is up, however fresh it is; the primary where none is.
Decision any_standby(Balance balance, const World& world, Instant now);

}  // namespace heim::route
