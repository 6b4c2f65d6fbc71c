#include "route/balance.hpp"

#include <doctest/doctest.h>

#include "cluster.hpp"
#include "route/workload.hpp"

namespace heim::route::test {
namespace {

using std::chrono::milliseconds;

/// Three standbys of these weights; how many of 3,000 reads each gets.
std::array<int, 3> spread(Balance balance, std::array<std::uint32_t, 3> weights,
                          std::array<std::uint32_t, 3> shares = {1000, 1000, 1000}) {
  cluster::Topology nodes;
  Loads loads;
  Turn turn;
  const std::uint32_t all[] = {0, 1, 2};
  for (std::uint32_t i = 0; i < 3; ++i) {
    nodes.add({}, cluster::Role::standby);
    nodes.state(i).weight = weights[i];
    nodes.state(i).share = shares[i];
  }
  std::array<int, 3> counts{};
  // As many are under way at each moment as a worker with sixteen sessions has.
  std::array<std::uint32_t, 16> busy{};
  for (std::size_t i = 0; i < 3000; ++i) {
    std::uint32_t& slot = busy[i % busy.size()];
    if (i >= busy.size()) --loads[slot].active;
    slot = pick(balance, all, nodes, loads, turn, now);
    ++loads[slot].active;
    ++counts[slot];
  }
  return counts;
}

}  // namespace

TEST_CASE("weights count in every kind of balance") {
  for (const Balance balance : {Balance::least_connections, Balance::round_robin, Balance::latency,
                                Balance::random_of_two}) {
    CAPTURE(static_cast<int>(balance));
    for (const int count : spread(balance, {100, 100, 100})) {
      CHECK(count > 800);
      CHECK(count < 1200);
    }
    const auto heavy = spread(balance, {300, 100, 100});
    CHECK(heavy[0] > heavy[1] * 2);
    CHECK(heavy[0] > heavy[2] * 2);
    CHECK(spread(balance, {0, 100, 100})[0] == 0);
    CHECK(spread(balance, {0, 0, 0})[1] > 0);
    const auto warming = spread(balance, {100, 100, 100}, {100, 1000, 1000});
    CHECK(warming[0] < warming[1] / 3);
  }
}

TEST_CASE("a slow answer counts at once, and fades") {
  Load load;
  load.note(milliseconds(1), now);
  load.note(milliseconds(100), now);
  CHECK(load.latency_us(now) == doctest::Approx(100'000));
  for (int i = 0; i < 64; ++i) load.note(milliseconds(1), now);
  CHECK(load.latency_us(now) < 4'000);
  CHECK(load.latency_us(now + std::chrono::minutes(1)) < 10);
}

TEST_CASE("latency avoids the slow node") {
  Cluster cluster;
  cluster.policy.balance = Balance::latency;
  cluster.loads[cluster.near].note(milliseconds(50), now);
  cluster.loads[cluster.far].note(milliseconds(1), now);
  for (int i = 0; i < 10; ++i) CHECK(cluster.ask("select 1").node == cluster.far);
}

TEST_CASE("workloads") {
  Profile profile;
  CHECK(profile.classify(true) == Workload::vector);
  CHECK(profile.classify(false) == Workload::unknown);
  for (int i = 0; i < 4; ++i) profile.note(milliseconds(1), 1);
  CHECK(profile.classify(false) == Workload::oltp);
  for (int i = 0; i < 64; ++i) profile.note(milliseconds(500), 1);
  CHECK(profile.classify(false) == Workload::analytics);
  for (int i = 0; i < 64; ++i) profile.note(milliseconds(150), 1);
  CHECK(profile.classify(false) == Workload::analytics);
  for (int i = 0; i < 64; ++i) profile.note(milliseconds(50), 1);
  CHECK(profile.classify(false) == Workload::oltp);
}

}  // namespace heim::route::test
