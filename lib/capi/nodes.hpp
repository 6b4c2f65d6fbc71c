// What a program tells of a node.
#pragma once
#include "capi/options.hpp"
#include "embed/nodes.hpp"
#include "heimproxy/parts.h"

namespace heim::capi {

inline cluster::Role role_of(heim_role role) {
  switch (role) {
    case HEIM_ROLE_CONFIGURED:
      return cluster::Role::unknown;
    case HEIM_ROLE_PRIMARY:
      return cluster::Role::primary;
    case HEIM_ROLE_STANDBY:
      return cluster::Role::standby;
    case HEIM_ROLE_MAX_:
      break;
  }
  throw Failure(HEIM_INVALID_ARGUMENT, "'role' is none of HEIM_ROLE_*");
}

inline embed::NodeView node_view(const heim_node_state& given) {
  constexpr heim_node_state defaults = HEIM_NODE_STATE_INIT;
  const auto state = options_of(&given, defaults, sizeof defaults, "state");
  return {role_of(state.role), state.is_down != 0, state.lsn, state.lag_ns};
}

}  // namespace heim::capi
