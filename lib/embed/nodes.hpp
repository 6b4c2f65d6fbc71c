// The nodes of a configuration, where a program tells what is known of them.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "cluster/topology.hpp"
#include "config/settings.hpp"

namespace heim::embed {

/// What is known of a node.
struct NodeView {
  cluster::Role role = cluster::Role::unknown;  // as configured
  bool is_down = false;
  std::uint64_t lsn = 0;
  std::int64_t lag_ns = -1;
};

/// Adds them all, in the configuration's order. Throws Failure where they are too many.
void list_nodes(cluster::Topology& nodes, const config::Settings& settings);
std::optional<std::uint32_t> find_node(const cluster::Topology& nodes, std::string_view name);
/// Of a primary, `lsn` is not the node's: it is a sample for the ledger.
void set_state(cluster::NodeState& state, cluster::Role configured, const NodeView& view);

}  // namespace heim::embed
