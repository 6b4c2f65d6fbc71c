#include "route/router.hpp"

namespace heim::route {

using cluster::Role;

std::optional<Choice> the_primary(const cluster::Topology& nodes, Instant now) {
  std::optional<Choice> choice;
  for (std::uint32_t i = 0; i < nodes.size(); ++i) {
    if (nodes.role(i) == Role::primary) {
      if (nodes.up(i, now)) return Choice{i, "primary"};
      if (!choice) choice = Choice{i, "primary, down at the moment"};
    }
  }
  if (choice) return choice;
  // Nobody is known to be the primary: try those whose role is still to be learnt.
  for (std::uint32_t i = 0; i < nodes.size(); ++i) {
    if (nodes.role(i) != Role::unknown) continue;
    if (nodes.up(i, now)) return Choice{i, "role not known yet"};
    if (!choice) choice = Choice{i, "role not known yet, down at the moment"};
  }
  return choice;
}

}  // namespace heim::route
