#include "control/control.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

using namespace heim;
using namespace heim::control;

namespace {

struct Sink final : cluster::LsnSink {
  std::atomic<int> ticks{0};
  std::atomic<std::uint64_t> switched{0};
  std::uint64_t sample_begins() override { return 1; }
  void sample_done(std::uint64_t, std::uint64_t) override {}
  void sample_failed(std::uint64_t) override {}
  void timeline_switched(std::uint64_t lsn) override { switched = lsn; }
  void tick(Instant) override { ++ticks; }
};

/// What another thread does: soon, and no test waits for it for ever.
template <class Condition>
bool comes(const Condition& condition) {
  for (int i = 0; i < 1000 && !condition(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return condition();
}

cluster::Answer primary(std::uint32_t timeline, std::uint64_t insert) {
  cluster::Answer answer;
  answer.timeline = timeline;
  answer.insert = insert;
  return answer;
}

}  // namespace

TEST_CASE(
    "who is told of samples hears of time and of timelines, whether nodes are watched or not") {
  cluster::Topology nodes;
  for (const char* name : {"a", "b"}) {
    cluster::Node node;
    node.name = name;
    nodes.add(node, cluster::Role::unknown);
  }
  NullLogger silence;
  Sink sink;
  Control control(nodes, silence, [] {});
  control.set_sink(&sink);
  control.start();
  CHECK(comes([&] { return sink.ticks >= 2; }));
  const auto hear = [&](std::uint32_t node, const cluster::Answer& answer) {
    control.edit([&](cluster::Reducer& reducer, Instant now) {
      reducer.enlist(node, cluster::Role::unknown, false, now);
      reducer.answered(node, answer, now, now);
    });
  };
  hear(0, primary(1, 1000));
  hear(1, primary(2, 900));
  CHECK(comes([&] { return sink.switched == 900; }));
  control.stop();
}
