#include "embed/nodes.hpp"

#include "embed/failure.hpp"
#include "runtime/role.hpp"

namespace heim::embed {

void list_nodes(cluster::Topology& nodes, const config::Settings& settings) {
  if (settings.nodes.size() > cluster::max_nodes) {
    throw Failure(Trouble::invalid,
                  "there are more than " + std::to_string(cluster::max_nodes) + " nodes");
  }
  for (const config::Node& given : settings.nodes) {
    cluster::Node node;
    node.name = given.name;
    node.host = given.host;
    node.port = given.port;
    node.discover = given.role == config::NodeRole::automatic;
    node.zone = given.zone;
    node.tags = given.tags;
    const std::uint32_t index = nodes.add(std::move(node), runtime::role_of(given.role));
    nodes.state(index).weight = given.weight;
  }
}

std::optional<std::uint32_t> find_node(const cluster::Topology& nodes, std::string_view name) {
  for (std::uint32_t i = 0; i < nodes.size(); ++i) {
    if (nodes.node(i).name == name) return i;
  }
  return std::nullopt;
}

void set_state(cluster::NodeState& state, cluster::Role configured, const NodeView& view) {
  const cluster::Role role = view.role == cluster::Role::unknown ? configured : view.role;
  state.role = role;
  state.condition = view.is_down ? cluster::Condition::down : cluster::Condition::serving;
  state.lag_ns = view.lag_ns;
  state.replayed = role == cluster::Role::standby ? view.lsn : 0;
}

}  // namespace heim::embed
