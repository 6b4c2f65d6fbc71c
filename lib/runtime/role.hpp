// A node's role, as the configuration has it and as the cluster knows it.
#pragma once
#include "cluster/topology.hpp"
#include "config/settings.hpp"

namespace heim::runtime {

/// `unknown`: it is to be found out.
inline cluster::Role role_of(config::NodeRole role) {
  switch (role) {
    case config::NodeRole::primary:
      return cluster::Role::primary;
    case config::NodeRole::standby:
      return cluster::Role::standby;
    case config::NodeRole::automatic:
      break;
  }
  return cluster::Role::unknown;
}

}  // namespace heim::runtime
