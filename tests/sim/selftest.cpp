// The simulator judged by itself: what is right must pass, and what is wrong must be caught.
#include <doctest/doctest.h>

#include "profiles.hpp"
#include "relay.hpp"
#include "splitter.hpp"
#include "world.hpp"

using namespace heim;
using namespace heim::sim;

namespace {

Outcome run(std::uint64_t seed, const std::string& profile, const MakeMiddle& middle = {}) {
  World world(seed, draw_profile(profile, seed), false, middle);
  return world.run();
}

MakeMiddle relay_with(Bug bug) {
  return [bug](World& world) { return make_relay(world, bug); };
}

Outcome split(std::uint64_t seed, const std::string& profile, Fault fault) {
  World world(seed, for_splitter(draw_profile(profile, seed)), false,
              [fault](World& of) { return make_splitter(of, fault); });
  return world.run();
}

/// Hears what happens on a stream.
class Ear final : public StreamHandler {
 public:
  void on_bytes(Stream&, Bytes bytes) override { heard += as_text(bytes); }
  void on_end(Stream& stream, const StreamEnd& end) override {
    orderly = end.orderly;
    ended = true;
    stream.close();
  }
  void on_drained(Stream&) override { drained = true; }
  std::string heard;
  bool ended = false, orderly = false, drained = false;
};

/// Two ends of a wire in an otherwise empty world.
struct Line final : Listener {
  explicit Line(const Quality& quality = {}) : network(scheduler, judge, Random(7), quality) {
    network.listen("b", 1, *this);
    a = network.host("a").connect_endpoint({"b", 1}, at_a);
    scheduler.run_until(scheduler.now() + seconds(1));
  }
  void on_accept(Endpoint& stream) override {
    b = &stream;
    stream.set_handler(at_b);
  }
  void pass(Duration time = seconds(1)) { scheduler.run_until(scheduler.now() + time); }
  Scheduler scheduler{false};
  Judge judge{scheduler};
  Network network;
  Ear at_a, at_b;
  Endpoint* a = nullptr;
  Endpoint* b = nullptr;
};

}  // namespace

TEST_CASE("clients wired straight to a server find nothing wrong") {
  for (const std::string& profile : profile_names()) {
    for (std::uint64_t seed = 1; seed <= 25; ++seed) {
      const Outcome outcome = run(seed, profile);
      CAPTURE(profile);
      CAPTURE(seed);
      REQUIRE(outcome.verdict == "");
      CHECK(outcome.answers > 0);
    }
  }
}

TEST_CASE("one seed gives one trace, and another seed another") {
  for (const std::string& profile : profile_names()) {
    CAPTURE(profile);
    CHECK(run(5, profile).hash == run(5, profile).hash);
    CHECK(run(5, profile).hash != run(6, profile).hash);
  }
}

TEST_CASE("a relay without bugs passes") {
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    CAPTURE(seed);
    REQUIRE(run(seed, seed % 2 ? "calm" : "cancels", relay_with(Bug::none)).verdict == "");
  }
}

TEST_CASE("every bug is caught") {
  for (int number = 1; number < static_cast<int>(Bug::count_); ++number) {
    const Bug bug = static_cast<Bug>(number);
    CAPTURE(name(bug));
    const std::string profile = bug == Bug::stray_cancel ? "cancels" : "calm";
    bool caught = false;
    for (std::uint64_t seed = 1; seed <= 40 && !caught; ++seed) {
      caught = !run(seed, profile, relay_with(bug)).verdict.empty();
    }
    CHECK(caught);
  }
}

TEST_CASE("reads on standbys that are fresh enough pass") {
  Outcome sum;
  for (const char* profile : {"cluster", "lagging", "failover"}) {
    for (std::uint64_t seed = 1; seed <= 25; ++seed) {
      CAPTURE(profile);
      CAPTURE(seed);
      const Outcome outcome = split(seed, profile, Fault::none);
      REQUIRE(outcome.verdict == "");
      sum.on_standbys += outcome.on_standbys;
      sum.timelines += outcome.timelines - 1;
      sum.lost += outcome.lost;
    }
  }
  CHECK(sum.on_standbys > 100);
  CHECK(sum.timelines > 10);
  CHECK(sum.lost > 0);
}

TEST_CASE("every fault of a splitter is caught, by its own rule") {
  struct Row {
    Fault fault;
    const char* profile;
    const char* says;
  };
  static constexpr Row rows[] = {
      {Fault::any_standby, "lagging", "was acknowledged before it was sent"},
      {Fault::any_standby, "lagging", "this session has seen what is newer"},
      {Fault::early_sample, "cluster", "was acknowledged before it was sent"},
      {Fault::write_to_standby, "cluster", "was sent to a standby"},
      {Fault::stay, "failover", "but the proxy knew of timeline"},
      {Fault::write_again, "failover", "was run twice"},
      {Fault::give_up, "cluster", "but there came the error"},
  };
  static_assert(static_cast<int>(Fault::count_) == 7);
  for (const Row& row : rows) {
    CAPTURE(name(row.fault));
    CAPTURE(row.says);
    bool caught = false;
    for (std::uint64_t seed = 1; seed <= 150 && !caught; ++seed) {
      const std::string verdict = split(seed, row.profile, row.fault).verdict;
      caught = verdict.find(row.says) != verdict.npos;
    }
    CHECK(caught);
  }
}

TEST_CASE("what a failover lost need not be read, all else must be") {
  History history;
  Seen seen;
  const auto read = [&](const char* tag, Fresh fresh = Fresh::strict) {
    return history.read("t", tag, history.stamp(), fresh, seen);
  };
  const auto commit = [&](const char* tag, Position position) {
    history.committed(tag, "t", position);
    history.acknowledged(tag);
  };
  commit("a", {1, 100});
  commit("b", {1, 200});
  CHECK(read("b") == "");
  CHECK(read("a") != "");
  CHECK(read("a", Fresh::session) != "");
  CHECK(read("a", Fresh::any) == "");
  CHECK(read("nobody's") != "");
  history.begin_timeline(2, 1, 150);
  CHECK(history.lost() == 1);
  CHECK(read("a") == "");
  commit("c", {2, 180});
  CHECK(read("b") != "");  // on the old primary still
  CHECK(read("c") == "");
}

TEST_CASE("a snapshot stays as it is, and a rewind forgets") {
  Scheduler scheduler(false);
  Judge judge(scheduler);
  Database data(judge);
  data.commit({{"c1.0.1", "k", "one", "t"}}, scheduler.now());
  const Snapshot before = data.snapshot();
  const std::uint64_t lsn = data.insert_lsn();
  data.commit({{"c1.0.2", "k", "two", "t"}}, scheduler.now());
  CHECK(data.newest("t", before) == "c1.0.1");
  CHECK(data.newest("t", data.snapshot()) == "c1.0.2");
  Database standby(judge);
  standby.set_in_recovery(true);
  for (const RecordRef& record : data.log()) standby.receive(record, 1);
  CHECK(standby.newest("t", standby.snapshot()) == "");
  standby.replay();
  CHECK(standby.newest("t", standby.snapshot()) == "c1.0.1");
  CHECK(standby.replayed_lsn() == lsn);
  standby.promote(2);
  CHECK(standby.read("k") == "two");
  standby.rewind(lsn);
  CHECK(standby.read("k") == "one");
  CHECK(!judge.failed());
}

TEST_CASE("a wire carries bytes in order, whole, and then its end") {
  Line line;
  line.a->write("hello ");
  line.a->write("world");
  line.a->close();
  line.pass();
  CHECK(line.at_b.heard == "hello world");
  CHECK(line.at_b.ended);
  CHECK(line.at_b.orderly);
  CHECK(!line.judge.failed());
}

TEST_CASE("a slow reader makes a backlog, and its end is told") {
  Quality quality;
  quality.kernel_buffer = 100;
  Line line(quality);
  line.b->pause();
  line.a->write(std::string(1000, 'x'));
  line.pass();
  CHECK(line.a->backlog() == 900);
  CHECK(line.at_b.heard.empty());
  CHECK(!line.at_a.drained);
  line.b->resume();
  line.pass();
  CHECK(line.at_b.heard.size() == 1000);
  CHECK(line.at_a.drained);
}

TEST_CASE("TLS hides bytes from who does not speak it") {
  Line line;
  line.network.host("b").set_serves_tls(true);
  line.a->start_tls_client("b", SslMode::require);
  line.a->write("secret");
  line.pass();
  CHECK(line.at_b.heard[0] == 0x16);  // the greeting only: the rest waits for an answer
  CHECK(line.at_b.heard.find("secret") == std::string::npos);
  const std::string hello = line.at_b.heard;
  line.at_b.heard.clear();
  line.b->start_tls_server(as_bytes(hello));
  line.pass();
  CHECK(line.at_b.heard == "secret");
  CHECK(line.b->is_tls());
}

TEST_CASE("a partition holds bytes back, a reset loses them") {
  Line line;
  line.network.partition("b", true);
  line.a->write("later");
  line.pass();
  CHECK(line.at_b.heard.empty());
  line.network.partition("b", false);
  line.pass();
  CHECK(line.at_b.heard == "later");
  line.a->write("lost");
  line.a->reset();
  line.pass();
  CHECK(line.at_b.heard == "later");
  CHECK(line.at_b.ended);
  CHECK(!line.at_b.orderly);
}

TEST_CASE("who breaks the contract of streams is told on") {
  SUBCASE("write after close") {
    Line line;
    line.a->close();
    line.a->write("x");
    CHECK(line.judge.failed());
  }
  SUBCASE("close twice") {
    Line line;
    line.a->close();
    line.a->close();
    CHECK(line.judge.failed());
  }
  SUBCASE("detach with a backlog") {
    Quality quality;
    quality.kernel_buffer = 10;
    Line line(quality);
    line.b->pause();
    line.a->write("more than ten bytes");
    line.a->detach();
    CHECK(line.judge.failed());
  }
  SUBCASE("use between detach and adopt") {
    Line line;
    line.a->detach();
    line.a->write("x");
    CHECK(line.judge.failed());
  }
}

TEST_CASE("a detached stream goes on where it is adopted") {
  Line line;
  line.b->write("before");
  line.a->detach();
  line.pass();
  CHECK(line.at_a.heard.empty());
  Ear elsewhere;
  line.network.host("c").adopt(*line.a, elsewhere);
  line.pass();
  CHECK(elsewhere.heard == "before");
  CHECK(!line.judge.failed());
}
