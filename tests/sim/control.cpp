#include "control.hpp"

namespace heim::sim {

using cluster::Role;

Control::Control(World& world, cluster::Topology& nodes, Random random)
    : world_(world),
      random_(random),
      nodes_(nodes),
      reducer_(nodes),
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
  rounds_.resize(nodes_.size());
  led_.resize(nodes_.size());
  led_[0] = true;
  const Instant now = world.scheduler().now();
  cluster::ReducerOptions options;
  options.watching = true;
  reducer_.set_options(options, now);
  const bool given = !world.profile().cluster_faults.failovers && random_.chance(50);
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    reducer_.enlist(i, given ? nodes_.role(i) : Role::unknown, false, now);
  }
  // The first round is over when clients come. (A primary that no probe ever reached keeps the role
  // that a login gave it, even beside a newer one.)
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) reducer_.answered(i, ask(i), now, now);
  act();
  tick();
}

bool Control::reachable(std::uint32_t index) {
  const Server& server = world_.cluster().server(index);
  return !server.frozen() && !world_.network().host(server.settings().host).partitioned();
}

void Control::probe_soon(std::uint32_t index, Duration delay) {
  const std::uint64_t round = ++rounds_[index];
  world_.scheduler().after(delay, "probe", index, [this, index, round] {
    if (!stopped_ && rounds_[index] == round) probe(index);
  });
}

void Control::probe(std::uint32_t index) {
  const Instant asked = world_.scheduler().now();
  world_.scheduler().after(trip(), "look", index, [this, index, asked] { look(index, asked); });
}

cluster::Answer Control::ask(std::uint32_t index) const {
  const Database& data = world_.cluster().data(index);
  cluster::Answer answer;
  answer.in_recovery = data.in_recovery();
  answer.timeline = data.timeline();
  answer.system = Cluster::system_identifier;
  (data.in_recovery() ? answer.received : answer.insert) = data.insert_lsn();
  if (data.in_recovery()) answer.replayed = data.replayed_lsn();
  return answer;
}

/// The question is there.
void Control::look(std::uint32_t index, Instant asked) {
  const bool lost = random_.chance(loss_) || !reachable(index);
  const Server& server = world_.cluster().server(index);
  std::optional<cluster::Answer> answer;
  if (!lost && server.up()) answer = ask(index);
  const auto failure = lost ? cluster::Failure::timed_out : cluster::Failure::refused;
  const Instant back = world_.scheduler().now() + trip() + server.slowness();
  world_.scheduler().at(
      lost ? asked + timeout_ : back, "probed", index,
      [this, index, answer, failure, asked] { heard(index, answer, failure, asked); });
}

void Control::heard(std::uint32_t index, const std::optional<cluster::Answer>& answer,
                    cluster::Failure failure, Instant asked) {
  const Instant now = world_.scheduler().now();
  if (answer) {
    reducer_.answered(index, *answer, asked, now);
  } else {
    reducer_.failed(index, {failure, "no answer"}, now);
  }
  probe_soon(index, interval_);
  act();
}

void Control::act() {
  world_.judge().proxy_knows(reducer_.timeline());
  const cluster::Actions actions = reducer_.take_actions();
  if (actions.switched && sink_) sink_->timeline_switched(*actions.switched);
  for (const auto& line : actions.lines) world_.scheduler().trace("control", line.text);
  for (const std::uint32_t index : actions.probe) probe_soon(index, Duration(0));
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    const bool leads = nodes_.role(i) == Role::primary && nodes_.admits(i);
    const bool led = led_[i];
    led_[i] = leads;
    if (led && !leads && on_demoted) on_demoted(i);
  }
  if (actions.changed && on_changed) on_changed();
}

void Control::tick() {
  if (stopped_) return;
  reducer_.tick(world_.scheduler().now());
  act();
  if (sink_) sink_->tick(world_.scheduler().now());
  world_.scheduler().after(milliseconds(100), "tick of the control", 0, [this] { tick(); });
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
  const std::uint32_t primary = reducer_.primary().value_or(0);
  const bool lost = random_.chance(loss_) || !reducer_.primary();
  world_.scheduler().after(trip(), "asked", primary, [this, token, primary, lost] {
    const Database& data = world_.cluster().data(primary);
    const Server& server = world_.cluster().server(primary);
    const bool answers = !lost && reachable(primary) && server.up() && !data.in_recovery();
    const std::uint64_t lsn = data.insert_lsn();
    const Duration back = answers ? trip() + server.slowness() : timeout_;
    world_.scheduler().after(back, "sampled", primary, [this, token, primary, answers, lsn] {
      if (!sink_) return;
      if (answers && reducer_.primary() == primary) {
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
