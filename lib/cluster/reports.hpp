// What workers tell of nodes from the connections of their clients.
#pragma once
#include <cstdint>
#include <string_view>

#include "cluster/topology.hpp"

namespace heim::cluster {

/// Whether an error is the server's own and not the statement's: out of resources, shutting down,
/// broken.
inline bool is_nodes_fault(std::string_view sqlstate) {
  return sqlstate.starts_with("53") || sqlstate.starts_with("57P") || sqlstate.starts_with("58") ||
         sqlstate.starts_with("XX");
}

/// [any thread] Cheap enough for each failed or new server connection; not for each query.
class Reports {
 public:
  virtual ~Reports() = default;
  /// A connection could not be made or was refused because the server cannot take it now.
  virtual void unreachable(std::uint32_t node) = 0;
  /// A login said what the server is. The control plane looks for itself if it knows otherwise.
  virtual void seen(std::uint32_t node, Role role) = 0;
};

}  // namespace heim::cluster
