// A cluster on paper, and decisions about statements in it.
#pragma once
#include <string>
#include <string_view>

#include "route/decide.hpp"
#include "sql/analysis.hpp"

namespace heim::route::test {

inline constexpr Instant now{std::chrono::seconds(1000)};

/// A primary, two standbys, the tables t and u, a function harmless() and one writes().
struct Cluster {
  cluster::Topology nodes;
  freshness::Ledger ledger;
  freshness::DatabaseId db = ledger.database("app");
  Loads loads;
  Turn turn;
  std::shared_ptr<sql::Catalog> catalog = std::make_shared<sql::Catalog>();
  Policy policy;
  std::uint32_t primary, near, far;

  Cluster() {
    primary = add("one", cluster::Role::primary, "north");
    near = add("two", cluster::Role::standby, "north");
    far = add("three", cluster::Role::standby, "south");
    replayed(near, 100);
    replayed(far, 100);
    ledger.sample_done(ledger.sample_begins(), 100);
    for (const char* table : {"t", "u"}) catalog->add("T", table, "rp");
    catalog->add("P", "harmless", "i");
    catalog->add("P", "writes", "v");
    catalog->add("B", "writes", "u");
  }
  std::uint32_t add(std::string name, cluster::Role role, std::string zone) {
    cluster::Node node;
    node.name = std::move(name);
    node.zone = std::move(zone);
    return nodes.add(std::move(node), role);
  }
  void replayed(std::uint32_t node, std::uint64_t lsn) { nodes.state(node).replayed = lsn; }
  void down(std::uint32_t node) {
    nodes.state(node).down_until_ns = (now + std::chrono::seconds(9)).time_since_epoch().count();
  }
  void commit(const char* table) {
    freshness::WriteSet set;
    set.add(ledger.intern(db, table));
    auto ticket = ledger.begin_commit(db, set);
    ledger.end_commit(ticket, freshness::Outcome::committed, now);
  }
  Plan plan(std::string_view sql, const Rules* rules = nullptr) {
    return make_plan(*sql::analyse(sql), sql, catalog.get(), rules, ledger, db);
  }
  World world() { return {nodes, ledger, loads, turn}; }
  Decision ask(std::string_view sql, WishView wish = {}, TransactionView transaction = {},
               bool begins_block = false) {
    Plan made = plan(sql);
    return decide({.plan = made,
                   .policy = policy,
                   .wish = wish,
                   .freshness = {},
                   .user_wish = {},
                   .transaction = transaction,
                   .begins_block = begins_block},
                  world(), now);
  }
  bool on_standby(std::string_view sql) { return ask(sql).standby; }
};

}  // namespace heim::route::test
