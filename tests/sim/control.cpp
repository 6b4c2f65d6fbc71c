#include "control.hpp"

namespace heim::sim {

using cluster::Role;

Control::Control(World& world, cluster::Topology& nodes, Random random)
    : world_(world),
      random_(random),
      nodes_(nodes),
      belief_(nodes),
      interval_(random_.chance(50) ? random_.between(milliseconds(2), milliseconds(20))
                                   : random_.between(milliseconds(20), milliseconds(500))),
      timeout_(random_.between(milliseconds(50), milliseconds(500))),
      latency_max_(random_.between(microseconds(200), milliseconds(10))),
      loss_(static_cast<std::uint32_t>(random_.chance(50) ? random_.below(20) : 0)) {
  for (std::uint32_t i = 0; i < world.cluster().size(); ++i) {
    const ServerSettings& server = world.cluster().server(i).settings();
    cluster::Node node;
    node.name = node.host = server.host;
    node.port = server.port;
    nodes_.add(std::move(node), i == 0 ? Role::primary : Role::standby);
  }
  if (world.cluster().size() == 1) return;  // nothing can change
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) probe(i);
}

bool Control::reachable(std::uint32_t index) {
  const Server& server = world_.cluster().server(index);
  return !server.frozen() && !world_.network().host(server.settings().host).partitioned();
}

void Control::probe(std::uint32_t index) {
  if (stopped_) return;
  const Instant asked = world_.scheduler().now();
  world_.scheduler().after(trip(), "probe", index, [this, index, asked] { look(index, asked); });
}

/// The question is there.
void Control::look(std::uint32_t index, Instant asked) {
  const bool lost = random_.chance(loss_) || !reachable(index);
  const Server& server = world_.cluster().server(index);
  const Database& data = world_.cluster().data(index);
  Answer answer{data.in_recovery(), data.timeline(), Cluster::system_identifier, 0, 0};
  (answer.in_recovery ? answer.replayed : answer.insert) =
      answer.in_recovery ? data.replayed_lsn() : data.insert_lsn();
  const bool failed = lost || !server.up();
  const Instant heard = world_.scheduler().now() + trip() + server.slowness();
  world_.scheduler().at(lost ? asked + timeout_ : heard, "probed", index,
                        [this, index, failed, answer] { judge(index, failed, answer); });
}

void Control::judge(std::uint32_t index, bool failed, const Answer& answer) {
  const auto before = belief_.primary();
  if (failed) {
    belief_.failed(index);
  } else {
    belief_.answered(index, answer);
  }
  world_.judge().proxy_knows(belief_.timeline());
  if (before && before != belief_.primary() && on_demoted) on_demoted(*before);
  // One that comes back on an old timeline, or is taken by mistake.
  if (nodes_.state(index).condition == cluster::Condition::refused && on_demoted) on_demoted(index);
  if (belief_.take_changed() && on_changed) on_changed();
  world_.scheduler().after(interval_, "probe again", index, [this, index] { probe(index); });
}

// ---- positions of the log

void Control::want_sample() {
  wanted_ = true;
  if (sampling_ || !sink_) return;
  sampling_ = true;
  world_.scheduler().after(microseconds(random_.below(200)), "sample", 0, [this] { sample(); });
}

void Control::sample() {
  sampling_ = wanted_ && sink_ != nullptr && !stopped_;
  if (!sampling_) return;
  wanted_ = false;
  const std::uint64_t token = sink_->sample_begins();
  const std::uint32_t primary = belief_.primary().value_or(0);
  const bool lost = random_.chance(loss_);
  world_.scheduler().after(trip(), "asked", primary, [this, token, primary, lost] {
    const Database& data = world_.cluster().data(primary);
    const Server& server = world_.cluster().server(primary);
    const bool answers = !lost && reachable(primary) && server.up() && !data.in_recovery();
    const std::uint64_t lsn = data.insert_lsn();
    const Duration back = answers ? trip() + server.slowness() : timeout_;
    world_.scheduler().after(back, "sampled", primary, [this, token, answers, lsn] {
      if (!sink_) return;
      if (answers) {
        sink_->sample_done(token, lsn);
      } else {
        sink_->sample_failed(token);
        wanted_ = true;
      }
      sample();
    });
  });
}

}  // namespace heim::sim
