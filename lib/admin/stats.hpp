// SHOW STATS and its three relatives.
#pragma once
#include "admin/table.hpp"
#include "session/snapshot.hpp"

namespace heim::admin {

Table render_stats(const session::Snapshot& snapshot);
Table render_stats_totals(const session::Snapshot& snapshot);
Table render_stats_averages(const session::Snapshot& snapshot);
/// One row a figure, over all databases.
Table render_totals(const session::Snapshot& snapshot);

}  // namespace heim::admin
