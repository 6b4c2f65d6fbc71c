#include "cluster/reducer.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace heim;
using namespace heim::cluster;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// A cluster of nodes n0, n1 ... and what is said of them.
struct Rig {
  Topology nodes;
  Reducer reducer{nodes};
  ReducerOptions options;
  Instant now{seconds(1000)};

  explicit Rig(std::initializer_list<Role> given) {
    options.watching = true;
    reducer.set_options(options, now);
    std::uint32_t index = 0;
    for (const Role role : given) {
      Node node;
      node.name = "n" + std::to_string(index++);
      node.discover = role == Role::unknown;
      reducer.enlist(nodes.add(node, role), role, false, now);
    }
    reducer.take_actions();
  }

  static Answer primary(std::uint32_t timeline = 1, std::uint64_t insert = 1000) {
    Answer answer;
    answer.timeline = timeline;
    answer.system = 7;
    answer.insert = insert;
    return answer;
  }
  static Answer standby(std::uint64_t replayed, std::uint32_t timeline = 1) {
    Answer answer;
    answer.in_recovery = true;
    answer.timeline = timeline;
    answer.system = 7;
    answer.replayed = answer.received = replayed;
    return answer;
  }
  void hear(std::uint32_t node, const Answer& answer) { reducer.answered(node, answer, now, now); }
  void fail(std::uint32_t node, Failure kind = Failure::refused) {
    reducer.failed(node, {kind, "it fails"}, now);
  }
  void pass(Duration time) {
    now += time;
    reducer.tick(now);
  }
  // "primary serving 0"
  std::string state(std::uint32_t node) {
    const NodeState& state = nodes.state(node);
    return std::string(to_text(state.role)) + ' ' + to_text(state.condition) + ' ' +
           std::to_string(state.replayed);
  }
  std::string said() {
    std::string all;
    for (const auto& line : reducer.take_actions().lines) all += line.text + '\n';
    return all;
  }
  std::string reason(std::uint32_t node) {
    for (const Standing& row : reducer.standings()) {
      if (row.index == node) return row.reason;
    }
    return "not listed";
  }
};

constexpr Role automatic = Role::unknown;

}  // namespace

TEST_CASE("roles are found out") {
  Rig rig{automatic, automatic};
  CHECK(rig.state(0) == "unknown serving 0");
  rig.hear(0, Rig::standby(900));
  rig.hear(1, Rig::primary());
  CHECK(rig.state(0) == "standby serving 900");
  CHECK(rig.state(1) == "primary serving 0");
  CHECK(rig.reducer.primary() == 1u);
  CHECK(rig.reducer.take_actions().changed);
  rig.hear(0, Rig::standby(950));
  CHECK(rig.state(0) == "standby serving 950");
  CHECK_FALSE(rig.reducer.take_actions().changed);
}

TEST_CASE("what a node that is given a role may be") {
  struct Row {
    Role given;
    bool in_recovery, read_only;
    const char* state;
    const char* reason;
  };
  const Row rows[] = {
      {Role::primary, false, false, "primary serving 0", ""},
      {Role::primary, false, true, "primary serving 0", "read-only"},
      // There is no other: who wants the primary waits for it.
      {Role::primary, true, false, "primary refused 900", "no primary"},
      {Role::standby, true, false, "standby serving 900", ""},
      {Role::standby, false, false, "standby serving 0", "takes writes"},
      {automatic, false, false, "primary serving 0", ""},
      {automatic, true, false, "standby serving 900", ""},
  };
  for (const Row& row : rows) {
    Rig rig{row.given};
    Answer answer = row.in_recovery ? Rig::standby(900) : Rig::primary();
    answer.read_only = row.read_only;
    rig.hear(0, answer);
    CAPTURE(to_text(row.given));
    CAPTURE(rig.reason(0));
    CHECK(rig.state(0) == row.state);
    CHECK(rig.reason(0).find(row.reason) != std::string::npos);
    CHECK(rig.reason(0).empty() == std::string(row.reason).empty());
  }
}

TEST_CASE("given as the primary and in recovery, with another primary there") {
  Rig rig{Role::primary, automatic};
  rig.hear(0, Rig::standby(900));
  CHECK(rig.state(0) == "primary refused 900");
  rig.hear(1, Rig::primary());
  CHECK(rig.state(0) == "standby serving 900");
  CHECK(rig.state(1) == "primary serving 0");
}

TEST_CASE("a promotion: the higher timeline is the primary, the former one is refused") {
  Rig rig{automatic, automatic, automatic};
  rig.hear(0, Rig::primary());
  rig.hear(1, Rig::standby(900));
  rig.hear(2, Rig::standby(800));
  rig.said();
  rig.hear(1, Rig::primary(2));
  CHECK(rig.state(1) == "primary serving 0");
  CHECK(rig.state(0) == "standby refused 0");
  CHECK(rig.said().find("its timeline 1 is over") != std::string::npos);
  // Follows the old one: readable, but its position says nothing any more.
  CHECK(rig.state(2) == "standby serving 0");
  CHECK(rig.reason(2).find("timeline 1, not 2") != std::string::npos);
  rig.hear(2, Rig::standby(1100, 2));
  CHECK(rig.state(2) == "standby serving 1100");
  SUBCASE("it stays refused when the new one is gone, also after it was away itself") {
    rig.fail(1);
    rig.fail(1);
    CHECK(rig.state(1) == "primary down 0");
    rig.fail(0);
    rig.fail(0);
    rig.hear(0, Rig::primary());
    rig.hear(0, Rig::primary());
    CHECK(rig.state(0) == "standby refused 0");
  }
  SUBCASE("it comes back as a standby") {
    rig.hear(0, Rig::standby(1200, 2));
    CHECK(rig.state(0) == "standby serving 1200");
  }
}

TEST_CASE("a newer timeline's primary tells where that one was when it was first heard of") {
  constexpr int none = -1;
  struct Heard {
    std::uint32_t node;
    Answer answer;
    int switched;
  };
  struct Row {
    const char* what;
    std::vector<Heard> heard;
  };
  const Row rows[] = {
      {"the first primary", {{0, Rig::primary(3, 1000), none}}},
      {"it goes on", {{0, Rig::primary(1, 1000), none}, {0, Rig::primary(1, 2000), none}}},
      {"another one, once",
       {{0, Rig::primary(1, 1000), none},
        {1, Rig::primary(2, 900), 900},
        {1, Rig::primary(2, 950), none}}},
      {"the same node", {{0, Rig::primary(1, 1000), none}, {0, Rig::primary(2, 900), 900}}},
      {"a standby is not asked where",
       {{0, Rig::primary(1, 1000), none},
        {1, Rig::standby(900, 2), none},
        {1, Rig::primary(2, 950), 950}}},
      {"a timeline that is over",
       {{0, Rig::primary(2, 1000), none}, {1, Rig::primary(1, 900), none}}},
      {"another one on the same timeline",
       {{0, Rig::primary(1, 1000), none},
        {0, Rig::standby(900), none},
        {1, Rig::primary(1, 900), none}}},
      {"where is not known", {{0, Rig::primary(1, 1000), none}, {1, Rig::primary(2, 0), none}}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Rig rig{automatic, automatic};
    for (const Heard& each : row.heard) {
      rig.hear(each.node, each.answer);
      const auto switched = rig.reducer.take_actions().switched;
      CHECK((switched ? static_cast<int>(*switched) : none) == each.switched);
    }
  }
}

TEST_CASE("a standby alone tells that a timeline is over") {
  Rig rig{automatic, automatic};
  rig.hear(0, Rig::primary());
  rig.hear(1, Rig::standby(900, 2));
  // Its new primary is not known to us. Nobody may write to the old one.
  CHECK(rig.state(0) == "primary refused 0");
  CHECK_FALSE(rig.reducer.primary());
}

TEST_CASE("two that take writes on one timeline: the first stays, a lower one never wins") {
  Rig rig{automatic, automatic};
  rig.hear(1, Rig::primary());
  rig.hear(0, Rig::primary());
  CHECK(rig.state(1) == "primary serving 0");
  CHECK(rig.state(0) == "standby refused 0");
  CHECK(rig.said().find("and so does n1") != std::string::npos);
}

TEST_CASE("who never answered is not the primary beside one that has") {
  struct Row {
    Role given, learnt;  // learnt: by a login
    const char* state;
  };
  const Row rows[] = {
      {Role::primary, Role::primary, "unknown refused 0"},
      {automatic, Role::primary, "unknown refused 0"},
      {automatic, Role::standby, "standby serving 0"},
      {automatic, Role::unknown, "unknown serving 0"},
      {Role::standby, Role::standby, "standby serving 0"},
  };
  for (const Row& row : rows) {
    CAPTURE(to_text(row.given));
    CAPTURE(to_text(row.learnt));
    Rig rig{row.given, automatic, automatic};
    rig.nodes.state(0).role = row.learnt;
    rig.pass(milliseconds(100));
    rig.hear(2, Rig::standby(900, 2));
    const std::string before = std::string(to_text(row.learnt)) + " serving 0";
    CHECK(rig.state(0) == before);  // nobody else is known to be it
    rig.hear(1, Rig::primary(2));
    CHECK(rig.state(0) == row.state);
    CHECK(rig.state(1) == "primary serving 0");
    // It stays so without being asked again, and when the primary falters.
    for (int i = 0; i < 3; ++i) {
      rig.fail(0);
      rig.fail(1);
      rig.pass(seconds(1));
      CHECK(rig.nodes.role(0) != Role::primary);
    }
    // What it says itself counts.
    rig.hear(0, Rig::primary(3));
    rig.hear(0, Rig::primary(3));
    CHECK(rig.state(0) == (row.given == Role::standby ? "standby serving 0" : "primary serving 0"));
  }
}

TEST_CASE("who never answered may be the primary again when the one that has left the cluster") {
  for (const Role given : {Role::primary, automatic}) {
    CAPTURE(to_text(given));
    Rig rig{given, automatic};
    rig.nodes.state(0).role = Role::primary;
    rig.hear(1, Rig::primary(2));
    CHECK(rig.state(0) == "unknown refused 0");
    rig.reducer.dismiss(1, rig.now);
    // What is given holds; what a login said is found out anew.
    CHECK(rig.state(0) == (given == automatic ? "unknown serving 0" : "primary serving 0"));
  }
}

TEST_CASE("who never answered stays the primary while nobody asks") {
  Rig rig{Role::primary, automatic};
  rig.hear(1, Rig::primary(2));
  CHECK(rig.state(0) == "unknown refused 0");
  rig.options.watching = false;
  rig.reducer.set_options(rig.options, rig.now);
  CHECK(rig.state(0) == "primary serving 0");
  // And what was heard before they were asked again says nothing.
  rig.options.watching = true;
  rig.reducer.set_options(rig.options, rig.now);
  CHECK(rig.state(0) == "primary serving 0");
}

TEST_CASE("Patroni's leader, where the monitor is not let in, while the one before is away") {
  Rig rig{automatic, automatic};
  rig.hear(1, Rig::primary());
  rig.fail(0, Failure::denied);
  rig.reducer.told(0, Role::primary, rig.now);
  rig.pass(milliseconds(100));
  CHECK(rig.state(0) == "unknown serving 0");  // the other answers
  rig.fail(1);
  rig.fail(1);
  rig.reducer.told(0, Role::primary, rig.now);
  rig.pass(milliseconds(100));
  CHECK(rig.state(0) == "primary serving 0");
}

TEST_CASE("another system is refused, whoever answers first") {
  Rig rig{automatic, automatic, automatic};
  Answer other = Rig::primary(9);
  other.system = 8;
  rig.hear(0, other);
  rig.hear(1, Rig::primary());
  rig.hear(2, Rig::standby(900));
  CHECK(rig.state(0) == "standby refused 0");
  CHECK(rig.reason(0).find("another system") != std::string::npos);
  CHECK(rig.state(1) == "primary serving 0");
  // Settled: a majority that turns up later changes nothing.
  other.in_recovery = true;
  rig.hear(2, other);
  CHECK(rig.state(2) == "standby refused 0");
  CHECK(rig.state(1) == "primary serving 0");
}

TEST_CASE("down after so many failures, back after so many answers, then slowly") {
  Rig rig{automatic, automatic};
  rig.hear(0, Rig::primary());
  rig.hear(1, Rig::standby(900));
  rig.reducer.take_actions();
  rig.fail(1, Failure::lost);
  CHECK(rig.state(1) == "standby serving 0");  // no position without a connection
  CHECK(rig.reducer.take_actions().probe == std::vector<std::uint32_t>{1});
  rig.fail(1);
  CHECK(rig.state(1) == "standby down 0");
  rig.nodes.state(1).down_until_ns = 1;             // a worker was refused there
  CHECK(rig.reducer.take_actions().probe.empty());  // no storm
  rig.hear(1, Rig::standby(900));
  CHECK(rig.state(1) == "standby down 0");
  rig.hear(1, Rig::standby(950));
  CHECK(rig.state(1) == "standby serving 950");
  CHECK(rig.nodes.state(1).down_until_ns == 0);
  CHECK(rig.nodes.state(1).share == 50);
  rig.pass(seconds(5));
  CHECK(rig.nodes.state(1).share == 525);
  rig.pass(seconds(5));
  CHECK(rig.nodes.state(1).share == 1000);
  rig.fail(1);
  rig.hear(1, Rig::standby(960));
  rig.fail(1);
  CHECK(rig.state(1) == "standby serving 0");  // not in a row
}

TEST_CASE("which failures count") {
  struct Row {
    Failure kind;
    bool down;
  };
  const Row rows[] = {{Failure::refused, true},   {Failure::lost, true},
                      {Failure::timed_out, true}, {Failure::starting, true},
                      {Failure::unhealthy, true}, {Failure::full, false},
                      {Failure::denied, false}};
  for (const Row& row : rows) {
    Rig rig{automatic};
    rig.hear(0, Rig::standby(900));
    for (int i = 0; i < 5; ++i) rig.fail(0, row.kind);
    CAPTURE(static_cast<int>(row.kind));
    CHECK((rig.nodes.state(0).condition == Condition::down) == row.down);
    CHECK(rig.nodes.state(0).replayed == 0);
  }
}

TEST_CASE("silence towards the monitor does not outweigh traffic that works") {
  Rig rig{automatic};
  rig.hear(0, Rig::primary());
  for (int i = 0; i < 10; ++i) {
    rig.nodes.state(0).served += 5;
    rig.pass(milliseconds(100));
    rig.fail(0, Failure::timed_out);
  }
  CHECK(rig.state(0) == "primary serving 0");
  rig.pass(milliseconds(200));
  rig.fail(0, Failure::timed_out);
  rig.fail(0, Failure::timed_out);
  CHECK(rig.state(0) == "primary down 0");
}

TEST_CASE("a client's failed connection makes the next probe decide") {
  Rig rig{automatic};
  rig.hear(0, Rig::primary());
  rig.reducer.take_actions();
  rig.reducer.unreachable(0, rig.now);
  CHECK(rig.reducer.take_actions().probe == std::vector<std::uint32_t>{0});
  CHECK(rig.state(0) == "primary serving 0");
  SUBCASE("it fails") {
    rig.fail(0);
    CHECK(rig.state(0) == "primary down 0");
  }
  SUBCASE("it works") {
    rig.hear(0, Rig::primary());
    rig.fail(0);
    CHECK(rig.state(0) == "primary serving 0");
  }
}

TEST_CASE("orders of an operator") {
  Rig rig{automatic, automatic};
  rig.hear(0, Rig::primary());
  rig.hear(1, Rig::standby(900));
  rig.reducer.order(1, Order::drain, rig.now);
  CHECK(rig.state(1) == "standby draining 900");
  CHECK_FALSE(rig.nodes.admits(1));
  rig.reducer.order(1, Order::maintain, rig.now);
  CHECK(rig.state(1) == "standby maintenance 900");
  rig.fail(1);
  rig.fail(1);
  CHECK(rig.state(1) == "standby maintenance 0");
  rig.hear(1, Rig::standby(950));
  rig.hear(1, Rig::standby(960));
  rig.reducer.order(1, Order::enable, rig.now);
  CHECK(rig.state(1) == "standby serving 960");
  CHECK(rig.nodes.state(1).share < 1000);
}

TEST_CASE("nobody watches: logins say what an automatic node is") {
  Rig rig{automatic};
  rig.options.watching = false;
  rig.reducer.set_options(rig.options, rig.now);
  rig.nodes.state(0).role = Role::standby;
  rig.pass(milliseconds(100));
  CHECK(rig.state(0) == "standby serving 0");
  CHECK_FALSE(rig.nodes.state(0).monitored);
  rig.reducer.unreachable(0, rig.now);
  rig.pass(milliseconds(100));
  CHECK(rig.state(0) == "standby serving 0");
}

TEST_CASE("nodes leave and come back") {
  Rig rig{automatic, automatic};
  rig.hear(0, Rig::primary());
  rig.hear(1, Rig::standby(900));
  rig.reducer.dismiss(1, rig.now);
  CHECK(rig.state(1) == "removed serving 0");
  rig.hear(1, Rig::standby(950));  // a late answer
  rig.fail(1);
  CHECK(rig.state(1) == "removed serving 0");
  rig.reducer.enlist(1, automatic, true, rig.now);
  CHECK(rig.state(1) == "unknown serving 0");
  rig.hear(1, Rig::standby(950));
  CHECK(rig.state(1) == "standby serving 950");
}

TEST_CASE("lag is counted from the primary's positions, and grows while nothing is heard") {
  Rig rig{automatic, automatic};
  rig.hear(0, Rig::primary(1, 1000));
  rig.hear(1, Rig::standby(1000));
  CHECK(rig.nodes.state(1).lag_ns == 0);
  rig.pass(milliseconds(200));
  CHECK(rig.nodes.state(1).lag_ns == 200'000'000);
  rig.hear(0, Rig::primary(1, 2000));
  rig.hear(1, Rig::standby(1500));
  CHECK(rig.nodes.state(1).lag_ns == 200'000'000);
  CHECK(rig.reducer.standings()[1].lag_bytes == 500u);
  rig.pass(milliseconds(100));
  rig.reducer.replayed(1, 2000, rig.now);
  CHECK(rig.nodes.state(1).lag_ns == 100'000'000);
  CHECK(rig.nodes.state(1).replayed == 2000);
}

TEST_CASE("a breaker takes a node out, and lets a little traffic try it") {
  Rig rig{automatic, automatic};
  rig.hear(0, Rig::primary());
  rig.hear(1, Rig::standby(900));
  rig.nodes.state(1).failed += 100;
  rig.pass(milliseconds(100));
  CHECK(rig.state(1) == "standby down 900");
  CHECK(rig.reason(1).find("traffic") != std::string::npos);
  rig.pass(seconds(1));
  CHECK(rig.state(1) == "standby serving 900");
  CHECK(rig.nodes.state(1).share == 50);
  rig.nodes.state(1).served += 10;
  rig.pass(milliseconds(100));
  CHECK(rig.nodes.state(1).share < 100);  // and then slowly
}

TEST_CASE("positions as text") {
  CHECK(lsn_text(0) == "0/0");
  CHECK(lsn_text(0x1'0000'0000) == "1/0");
  CHECK(lsn_text(0x16'B374'D848) == "16/B374D848");
}
