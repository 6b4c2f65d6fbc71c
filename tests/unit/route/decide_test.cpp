#include "route/decide.hpp"

#include <doctest/doctest.h>

#include "cluster.hpp"
#include "route/explain.hpp"

namespace heim::route::test {
namespace {
using Kind = Wish::Kind;
}

TEST_CASE("reads go to a standby that has what was committed") {
  Cluster cluster;
  CHECK(cluster.on_standby("select * from t"));
  CHECK_FALSE(cluster.on_standby("insert into t values (1)"));
  cluster.commit("t");
  CHECK_FALSE(cluster.on_standby("select * from t"));
  CHECK(cluster.on_standby("select * from u"));
  cluster.ledger.sample_done(cluster.ledger.sample_begins(), 200);
  Decision decision = cluster.ask("select * from t");
  CHECK(decision.node == cluster.primary);
  CHECK(decision.reason == "no standby has replayed far enough");
  cluster.replayed(cluster.far, 200);
  decision = cluster.ask("select * from t");
  CHECK(decision.node == cluster.far);
  CHECK(decision.standby);
}

TEST_CASE("why not") {
  Cluster cluster;
  cluster.replayed(cluster.near, 0);
  cluster.replayed(cluster.far, 0);
  CHECK(cluster.ask("select 1").reason == "nothing is known of what the standbys have replayed");
  cluster.down(cluster.near);
  cluster.nodes.state(cluster.far).condition = cluster::Condition::draining;
  CHECK(cluster.ask("select 1").reason == "no standby is up");
  cluster.policy.reads = Reads::primary;
  CHECK(cluster.ask("select 1").reason == "reads go to the primary here");
}

TEST_CASE("wishes") {
  Cluster cluster;
  CHECK(cluster.ask("select * from t", {Kind::primary, {}}).node == cluster.primary);
  CHECK(cluster.ask("select * from t", {Kind::node, "three"}).node == cluster.far);
  // Who asks for a standby asks for nothing stale.
  CHECK(cluster.ask("select * from t", {Kind::standby, {}}).standby);
  CHECK(cluster.ask("select * from t", {Kind::node, "two"}).node == cluster.near);
  cluster.commit("t");
  CHECK_FALSE(cluster.ask("select * from t", {Kind::standby, {}}).standby);
  CHECK(cluster.ask("select * from t", {Kind::node, "two"}).node == cluster.primary);
  CHECK(cluster.ask("select pg_is_in_recovery()", {Kind::standby, {}}).standby);
  CHECK(cluster.ask("set a.b = 1", {Kind::standby, {}}).standby);
  // Never a write, or what might be one.
  for (const char* sql : {"delete from t", "select writes()", "select nextval('s')", "call p()",
                          "select * from t for update", "nonsense"}) {
    CAPTURE(sql);
    for (const WishView wish : {WishView{Kind::standby, {}}, WishView{Kind::node, "two"}}) {
      const Decision decision = cluster.ask(sql, wish);
      CHECK(decision.node == cluster.primary);
      CHECK_FALSE(decision.remark.empty());
    }
  }
  cluster.down(cluster.near);
  const Decision decision = cluster.ask("select 1", {Kind::node, "two"});
  CHECK(decision.node == cluster.primary);
  CHECK(decision.remark == "it is not up");
  CHECK(cluster.ask("select 1", {Kind::node, "ten"}).remark == "there is no node of that name");
}

TEST_CASE("the nearest is of the proxy's own zone") {
  Cluster cluster;
  const WishView nearest{Kind::nearest, {}};
  cluster.policy.zone = "south";
  CHECK(cluster.ask("select 1", nearest).node == cluster.far);
  cluster.down(cluster.far);
  CHECK(cluster.ask("select 1", nearest).node != cluster.far);
  cluster.policy.zone = "north";
  cluster.commit("t");
  CHECK(cluster.ask("select * from t", nearest).node == cluster.primary);
}

TEST_CASE("transactions") {
  Cluster cluster;
  const auto begin = [&](std::string_view sql) { return cluster.ask(sql).standby; };
  CHECK_FALSE(begin("begin"));
  CHECK(begin("begin read only"));
  CHECK(begin("begin isolation level repeatable read read only"));
  CHECK_FALSE(begin("begin isolation level serializable read only"));
  cluster.commit("u");
  CHECK_FALSE(begin("begin read only"));  // nobody knows yet what it will read

  // Held back until its first statement.
  TransactionView mine{.read_only = true};
  CHECK(cluster.ask("select * from t", {}, mine, true).standby);
  CHECK_FALSE(cluster.ask("select * from u", {}, mine, true).standby);
  CHECK_FALSE(cluster.ask("delete from t", {}, mine, true).standby);
  mine.snapshot = true;
  CHECK_FALSE(cluster.ask("select * from t", {}, mine, true).standby);
  CHECK_FALSE(cluster.ask("select * from t", {}, {}, true).standby);

  // Open: it stays, and waits for what it must see.
  TransactionView open{.open = true, .node = cluster.near, .read_only = true};
  CHECK_FALSE(cluster.ask("select * from t", {}, open).wait);
  Decision decision = cluster.ask("select * from u", {}, open);
  CHECK(decision.node == cluster.near);
  CHECK(decision.wait);
  open.snapshot = true;
  CHECK_FALSE(cluster.ask("select * from u", {}, open).wait);
  open = {.open = true, .node = cluster.primary, .wrote = true};
  CHECK(cluster.ask("select * from t", {Kind::standby, {}}, open).node == cluster.primary);
}

TEST_CASE("a database of standbys") {
  Cluster cluster;
  cluster.policy.standby_only = true;
  CHECK(cluster.on_standby("delete from t"));
  CHECK(cluster.on_standby("begin"));
  cluster.down(cluster.near);
  cluster.down(cluster.far);
  CHECK(cluster.ask("select 1").node == cluster.primary);
}

TEST_CASE("weaker scopes") {
  Cluster cluster;
  cluster.commit("t");
  cluster.policy.freshness.scope = freshness::Scope::any;
  CHECK(cluster.on_standby("select * from t"));
  cluster.policy.freshness.scope = freshness::Scope::session;
  CHECK(cluster.on_standby("select * from t"));
}

TEST_CASE("include_primary shares reads with it") {
  Cluster cluster;
  cluster.policy.include_primary = true;
  cluster.policy.balance = Balance::round_robin;
  int counts[3] = {};
  for (int i = 0; i < 30; ++i) ++counts[*cluster.ask("select 1").node];
  for (const int count : counts) CHECK(count == 10);
}

TEST_CASE("policies come from the configuration") {
  config::Settings settings;
  settings.routing.zone = "z";
  config::Database database;
  database.freshness = config::Freshness{config::Scope::group, {}};
  config::User user;
  CHECK(policy_of(settings, &database, &user).freshness.scope == freshness::Scope::group);
  user.freshness = config::Freshness{config::Scope::any, {}};
  CHECK(policy_of(settings, &database, &user).freshness.scope == freshness::Scope::any);
  CHECK(policy_of(settings, nullptr, nullptr).zone == "z");
}

TEST_CASE("a decision can be told") {
  Cluster cluster;
  cluster.commit("t");
  Plan plan = cluster.plan("select * from t");
  const Ask ask{.plan = plan,
                .policy = cluster.policy,
                .wish = {},
                .freshness = {},
                .user_wish = {},
                .transaction = {}};
  const Decision decision = decide(ask, cluster.world(), now);
  const auto rows = explain(ask, decision, cluster.world(), now);
  REQUIRE(rows.size() >= 6);
  CHECK(rows[0].value == "one");
  CHECK(rows[1].value == "the position of the table's last commit is not known yet");
  CHECK(lsn_text(0x16b374d848) == "16/B374D848");
  CHECK(parse_lsn("16/b374D848") == 0x16b374d848);
  for (const char* wrong : {"", "/", "1/", "/1", "1/123456789", "x/1", "1/-2", "1/2/3"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_lsn(wrong));
  }
}

}  // namespace heim::route::test
