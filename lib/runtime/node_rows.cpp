// SHOW NODES and SHOW REPLICATION, from what the control plane knows.
#include "runtime/engine.hpp"

namespace heim::runtime {
namespace {

std::string lsn(std::uint64_t position) {
  return position == 0 ? std::string() : cluster::lsn_text(position);
}

std::optional<std::uint64_t> micros(const std::optional<Duration>& time) {
  if (!time) return std::nullopt;
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, to_us(*time)));
}

void fill_answer(session::NodeRow& row, const cluster::Answer& answer) {
  row.timeline = answer.timeline;
  row.system_identifier = answer.system;
  row.lsn = lsn(answer.in_recovery ? answer.replayed : answer.insert);
  row.received_lsn = lsn(answer.received);
  row.latency_us = micros(answer.latency);
}

session::NodeRow node_row(const cluster::Standing& standing, const cluster::Topology& nodes) {
  const cluster::Node& node = nodes.node(standing.index);
  const cluster::NodeState& state = nodes.state(standing.index);
  session::NodeRow row;
  row.name = node.name;
  row.host = node.host;
  row.port = node.port;
  row.role = cluster::to_text(state.role);
  row.condition = cluster::to_text(state.condition);
  row.reason = standing.reason;
  row.since = standing.since;
  row.given = standing.given;
  row.breaker = standing.breaker;
  row.failure_percent = static_cast<std::uint32_t>(standing.failure_rate * 100);
  if (standing.answer) fill_answer(row, *standing.answer);
  row.lag_bytes = standing.lag_bytes;
  const std::int64_t lag = state.lag_ns;
  if (lag >= 0) row.lag_us = static_cast<std::uint64_t>(lag / 1000);
  row.share = state.share;
  row.weight = state.weight;
  row.zone = node.zone;
  row.probes = standing.probes;
  row.failures = standing.failures;
  return row;
}

session::ReplicationRow replication_row(const control::Sender& sender) {
  return {sender.node,
          sender.application_name,
          sender.client_addr,
          sender.state,
          sender.sync_state,
          lsn(sender.sent),
          lsn(sender.written),
          lsn(sender.flushed),
          lsn(sender.replayed),
          micros(sender.write_lag),
          micros(sender.flush_lag),
          micros(sender.replay_lag)};
}

}  // namespace

void Engine::fill_nodes(session::Snapshot& whole) const {
  for (const cluster::Standing& standing : control_->standings()) {
    whole.nodes.push_back(node_row(standing, shared_->nodes));
  }
  for (const control::Sender& sender : control_->senders()) {
    whole.replication.push_back(replication_row(sender));
  }
}

}  // namespace heim::runtime
