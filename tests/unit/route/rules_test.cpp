#include "route/rules.hpp"

#include <doctest/doctest.h>

#include "cluster.hpp"

namespace heim::route::test {
namespace {

config::RouteRule rule(std::string name) {
  config::RouteRule out;
  out.name = std::move(name);
  return out;
}

RulesRef compiled(const std::vector<config::RouteRule>& rules) {
  auto made = Rules::compile(rules);
  REQUIRE(made);
  return *made;
}

}  // namespace

TEST_CASE("conditions on a statement") {
  std::vector<config::RouteRule> rules = {rule("regex"), rule("table"), rule("print"), rule("all")};
  rules[0].regex = "^select .* from t where";
  rules[1].table = {"u", "x"};
  rules[2].fingerprint = {fingerprint_text(sql::analyse("select 1")->fingerprint)};
  const RulesRef made = compiled(rules);
  Cluster cluster;
  struct Row {
    std::string_view sql;
    RuleMask mask;
  };
  for (const Row& row : {Row{"SELECT a  FROM t WHERE b = 5", 0b1001}, Row{"select 2", 0b1100},
                         Row{"select * from u", 0b1010}, Row{"delete from u", 0b1010},
                         Row{"select * from t", 0b1000}}) {
    CAPTURE(row.sql);
    CHECK(cluster.plan(row.sql, made.get()).rules == row.mask);
  }
}

TEST_CASE("conditions on a session") {
  std::vector<config::RouteRule> rules = {rule("user"), rule("both"), rule("from"), rule("one")};
  rules[0].user = {"ann", "bob"};
  rules[1].database = {"shop"};
  rules[1].application_name = {"cron"};
  rules[2].client_address = {"10.0.0.0/8", "2001:db8::/32"};
  rules[3].client_address = {"192.0.2.7"};
  const RulesRef made = compiled(rules);
  CHECK(made->of_session({"bob", "shop", "web", "10.1.2.3"}) == 0b0101);
  CHECK(made->of_session({"eve", "shop", "cron", "192.0.2.7"}) == 0b1010);
  CHECK(made->of_session({"eve", "x", "cron", "[2001:db8::1]:5432"}) == 0b0100);
  CHECK(made->of_session({"eve", "x", "", "unix"}) == 0);
}

TEST_CASE("what is wrong with a rule is said") {
  auto bad = rule("bad");
  bad.regex = "(";
  auto made = Rules::compile({bad});
  REQUIRE_FALSE(made);
  CHECK(made.error().message.find("rule \"bad\": regex: ") == 0);
  bad = rule("bad");
  bad.client_address = {"10.0.0.300"};
  CHECK_FALSE(Rules::compile({bad}));
}

TEST_CASE("the first rule that holds decides") {
  Cluster cluster;
  std::vector<config::RouteRule> rules = {rule("slow"), rule("frozen"), rule("t")};
  rules[0].workload = config::Workload::analytics;
  rules[0].nodes = {"three"};
  rules[1].table = {"t"};
  rules[1].temperature = config::Temperature::frozen;
  rules[1].freshness = config::Freshness{config::Scope::any, {}};
  rules[2].table = {"t"};
  rules[2].route = Wish{Wish::Kind::primary, {}};
  const RulesRef made = compiled(rules);
  Plan plan = cluster.plan("select * from t", made.get());
  const Ask ask{.plan = plan,
                .policy = cluster.policy,
                .wish = {},
                .freshness = {},
                .user_wish = {},
                .transaction = {},
                .rules = made.get(),
                .session_rules = ~RuleMask{0}};
  const auto name = [&] {
    const Decision decision = decide(ask, cluster.world(), now);
    return decision.rule == nullptr ? std::string() : decision.rule->name;
  };
  CHECK(name() == "t");
  cluster.ledger.set_temperature(cluster.ledger.intern(cluster.db, "t"),
                                 freshness::Temperature::frozen);
  CHECK(name() == "frozen");
  for (int i = 0; i < 8; ++i) plan.profile.note(std::chrono::seconds(2), 5);
  CHECK(name() == "slow");
  const Decision decision = decide(ask, cluster.world(), now);
  CHECK(decision.node == cluster.far);
}

// t has been written, and no standby has replayed that.
TEST_CASE("a snapshot is as fresh as its session asks, whatever is asked for its first statement") {
  using config::Scope;
  struct Case {
    Scope hint, ruled;
    bool of_table, standby;
  };
  constexpr Scope none = Scope::session;
  const Case cases[] = {
      {Scope::any, none, true, false},          {none, Scope::any, true, false},
      {none, Scope::any, false, true},          {Scope::strict, Scope::any, false, false},
      {Scope::any, Scope::strict, true, false},
  };
  for (const Case& each : cases) {
    CAPTURE(static_cast<int>(each.hint));
    CAPTURE(static_cast<int>(each.ruled));
    for (const bool snapshot : {true, false}) {
      CAPTURE(snapshot);
      Cluster cluster;
      cluster.policy.freshness = {Scope::strict, {}};
      cluster.commit("t");
      std::vector<config::RouteRule> rules = {rule("it")};
      if (each.of_table) rules[0].table = {"t"};
      rules[0].freshness = config::Freshness{each.ruled, {}};
      const RulesRef made = compiled(rules);
      Plan plan = cluster.plan("select * from t", made.get());
      Ask ask{.plan = plan,
              .policy = cluster.policy,
              .wish = {},
              .freshness = {},
              .user_wish = {},
              .transaction = {.read_only = true, .snapshot = snapshot},
              .rules = made.get(),
              .session_rules = ~RuleMask{0},
              .begins_block = true};
      if (each.hint != none) ask.hint = freshness::Freshness{each.hint, {}};
      const bool loose = (each.hint != none ? each.hint : each.ruled) == Scope::any;
      CHECK(decide(ask, cluster.world(), now).standby == (snapshot ? each.standby : loose));
    }
  }
}

}  // namespace heim::route::test
