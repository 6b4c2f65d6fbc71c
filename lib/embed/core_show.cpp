// What a core shows, as the console of an engine does.
#include "admin/command.hpp"
#include "admin/merge.hpp"
#include "admin/render.hpp"
#include "cluster/reducer.hpp"
#include "embed/core.hpp"

namespace heim::embed {

void Core::fill_nodes(session::Snapshot& whole) const {
  const cluster::Topology& nodes = shared_.nodes;
  for (std::uint32_t i = 0; i < nodes.size(); ++i) {
    const cluster::NodeState& state = nodes.state(i);
    session::NodeRow row;
    row.name = nodes.node(i).name;
    row.host = nodes.node(i).host;
    row.port = nodes.node(i).port;
    row.role = cluster::to_text(state.role);
    row.condition = cluster::to_text(state.condition);
    const std::int64_t lag = state.lag_ns;
    if (lag >= 0) row.lag_us = static_cast<std::uint64_t>(lag / 1000);
    if (state.replayed != 0) row.lsn = cluster::lsn_text(state.replayed);
    row.share = state.share;
    row.weight = state.weight;
    row.zone = nodes.node(i).zone;
    whole.nodes.push_back(std::move(row));
  }
}

admin::Table Core::show(const std::string& what) {
  must_work();
  admin::Identity identity;
  identity.version = HEIM_VERSION_TEXT;
  const auto command = admin::parse_command("SHOW " + what, identity);
  if (!command) {
    throw Failure(Trouble::server, command.error().message, command.error().sqlstate);
  }
  if (command->verb != admin::Verb::show) {
    throw Failure(Trouble::server, "there is no such thing to show: " + what, "42601");
  }
  session::Snapshot whole, part;
  whole.version = identity.version;
  whole.wall_now = std::chrono::time_point_cast<std::chrono::microseconds>(shared_.wall_clock());
  fill_nodes(whole);
  hub_->fill(part);
  admin::merge(whole, std::move(part));
  if (command->show == admin::Show::route) {
    whole.explained = hub_->explain_route(command->name, command->sql);
  }
  return admin::render(whole, *command);
}

}  // namespace heim::embed
