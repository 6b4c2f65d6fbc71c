#include "route/plan.hpp"

#include <doctest/doctest.h>

#include "cluster.hpp"

namespace heim::route::test {

TEST_CASE("a plan has ids for names, and everything before them") {
  Cluster cluster;
  const Plan plan = cluster.plan("insert into t select * from u");
  const auto everything = cluster.ledger.everything(cluster.db);
  CHECK(plan.reads == std::vector{everything, cluster.ledger.intern(cluster.db, "u")});
  CHECK(plan.writes == std::vector{cluster.ledger.intern(cluster.db, "t")});
  CHECK(cluster.plan("do ''").writes == std::vector{everything, freshness::Ledger::server_wide});
  CHECK(cluster.plan("select * from pg_class").reads.at(1) == freshness::Ledger::server_wide);
}

TEST_CASE("plans are kept while the catalog stays") {
  Cluster cluster;
  PlanCache cache({.entries = 4, .bytes = 1 << 20});
  cache.use({cluster.catalog, nullptr, &cluster.ledger, cluster.db});
  const auto script = sql::analyse("select * from t");
  CHECK(cache.find(script, "select * from t").needs.place == Place::standby);
  const Plan* kept = &cache.find(script, "select * from t");
  CHECK(kept == &cache.find(script, "select * from t"));
  CHECK(cache.counts().hits == 2);
  std::vector<sql::ScriptRef> others;
  for (int i = 0; i < 40; ++i) {
    const std::string text = "select a" + std::to_string(i) + " from t";
    others.push_back(sql::analyse(text));
    cache.find(others.back(), text);
    CHECK(cache.counts().entries <= 4);
  }
  cache.use({nullptr, nullptr, &cluster.ledger, cluster.db});
  CHECK(cache.counts().entries == 0);
  CHECK(cache.find(script, "select * from t").needs.place == Place::primary);
}

}  // namespace heim::route::test
