// What no key can say alone: defaults that follow from other keys, and keys that do not go
// together.
#pragma once
#include "config/report.hpp"
#include "config/settings.hpp"

namespace heim::config {

/// Gives addresses their port, nodes their name, and `auth.type` its default.
void complete(Settings& settings, const Report& report);
/// Reports what must not be (errors) and what a person should know (warnings).
void validate(const Settings& settings, Report& report);

}  // namespace heim::config
