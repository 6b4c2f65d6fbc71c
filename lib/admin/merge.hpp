// Many workers' snapshots made into one.
#pragma once
#include "session/snapshot.hpp"

namespace heim::admin {

/// Adds `part` to `whole`: pools, stats, databases, users, lists and memory are summed by their
/// keys, clients and servers are put one after the other. What is the same on every worker
/// (version, state, limits, config) is kept from the first that has it; the later of the two times
/// counts.
void merge(session::Snapshot& whole, session::Snapshot&& part);

}  // namespace heim::admin
