// The ways to end.
#pragma once
#include "capi/guard.hpp"
#include "session/shared.hpp"

namespace heim::capi {

inline session::Operator::Shutdown shutdown_of(heim_stop how) {
  using Shutdown = session::Operator::Shutdown;
  switch (how) {
    case HEIM_STOP_WAIT_FOR_CLIENTS:
      return Shutdown::wait_for_clients;
    case HEIM_STOP_WAIT_FOR_SERVERS:
      return Shutdown::wait_for_servers;
    case HEIM_STOP_NOW:
      return Shutdown::now;
    case HEIM_STOP_MAX_:
      break;
  }
  throw Failure(HEIM_INVALID_ARGUMENT, "'how' is none of HEIM_STOP_*");
}

}  // namespace heim::capi
