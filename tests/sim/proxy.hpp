// The proxy under test in a simulated world: its hubs, driven by virtual time over virtual wires.
#pragma once
#include <memory>

#include "world.hpp"

namespace heim::sim {

/// Draws the configuration (pool mode and size, workers, way of login) from the world's seed.
std::unique_ptr<Middle> make_proxy(World& world);

/// What the proxy does not promise in this world, so that clients do not demand it. Also drawn from
/// the seed.
Profile for_proxy(Profile profile, std::uint64_t seed);

}  // namespace heim::sim
