// Nodes that are backends of this program (`[[nodes]] backend`): they are not PostgreSQL, and are
// not asked what only PostgreSQL can answer.
#pragma once
#include "config/report.hpp"
#include "config/settings.hpp"

namespace heim::config {

/// Whether the nodes are such. check_backends() sees that all are, or none is.
bool has_backends(const Settings& settings);

/// The defaults that are others with backends.
void complete_backends(Settings& settings, const Report& report);

/// How they go together with other keys.
void check_backends(const Settings& settings, Report& report);

}  // namespace heim::config
