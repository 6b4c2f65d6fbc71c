// SHOW: a snapshot made into a table.
#pragma once
#include <vector>

#include "admin/command.hpp"
#include "admin/table.hpp"
#include "session/snapshot.hpp"

namespace heim::admin {

/// The columns of a command's result, which need no snapshot; none if it has no result set.
std::vector<Column> columns(const Command& command);
/// The result of a Verb::show or Verb::constant.
Table render(const session::Snapshot& snapshot, const Command& command);

}  // namespace heim::admin
