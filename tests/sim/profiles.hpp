// The kinds of worlds there are.
#pragma once
#include <string>
#include <vector>

#include "profile.hpp"

namespace heim::sim {

/// Names that draw_profile() knows: "calm", "cancels", "vanish", "slow", "ddl", "faults", "all",
/// of one server; and of a primary and its standbys: "cluster" (faults of standbys only), "lagging"
/// (standbys fall behind) and "failover".
const std::vector<std::string>& profile_names();

/// A world of this kind with its details drawn from the seed. An unknown name gives "calm".
Profile draw_profile(const std::string& name, std::uint64_t seed);

/// Changes one habit by its name ("copies=0"). False if there is no such.
bool set_habit(Habits& habits, const std::string& assignment);

}  // namespace heim::sim
