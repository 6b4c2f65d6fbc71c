#include "route/router.hpp"

namespace heim::route {
namespace {

using cluster::Role;

std::optional<Choice> a_standby(const cluster::Topology& nodes, Instant now, std::uint32_t turn) {
  std::uint32_t up = 0;
  for (std::uint32_t i = 0; i < nodes.size(); ++i) {
    up += nodes.role(i) == Role::standby && nodes.up(i, now);
  }
  if (up == 0) return std::nullopt;
  std::uint32_t skip = turn % up;
  for (std::uint32_t i = 0; i < nodes.size(); ++i) {
    if (nodes.role(i) != Role::standby || !nodes.up(i, now)) continue;
    if (skip-- == 0) return Choice{i, "standby asked for"};
  }
  return std::nullopt;
}

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

}  // namespace

std::optional<Choice> choose(Wanted wanted, const cluster::Topology& nodes, Instant now,
                             std::uint32_t turn) {
  if (wanted == Wanted::standby) {
    if (auto choice = a_standby(nodes, now, turn)) return choice;
    if (auto choice = the_primary(nodes, now)) {
      choice->reason = "standby asked for, none is up: primary";
      return choice;
    }
  }
  return the_primary(nodes, now);
}

}  // namespace heim::route
