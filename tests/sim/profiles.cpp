#include "profiles.hpp"

namespace heim::sim {
namespace {

Quality draw_quality(Random& random) {
  Quality quality;
  switch (random.below(4)) {
    case 0: break;
    case 1:  // everything in crumbs
      quality.split_percent = 90;
      break;
    case 2:  // small buffers, so that writers meet their backlog
      quality.kernel_buffer = random.between(600, 4000);
      break;
    default:  // far away and thin
      quality.latency_max = milliseconds(5);
      quality.bytes_per_second = random.between(200'000, 20'000'000);
  }
  return quality;
}

}  // namespace

const std::vector<std::string>& profile_names() {
  static const std::vector<std::string> names{"calm", "cancels", "vanish", "slow", "ddl", "faults", "all"};
  return names;
}

Profile draw_profile(const std::string& name, std::uint64_t seed) {
  Random random(seed ^ 0x70726f66696c65);
  Profile profile;
  profile.name = name;
  profile.quality = draw_quality(random);
  profile.clients = static_cast<std::uint32_t>(random.between(2, 9));
  profile.units = static_cast<std::uint32_t>(random.between(10, 40));
  profile.think_max = random.between(microseconds(100), milliseconds(30));
  Habits& habits = profile.habits;
  habits.extended = static_cast<std::uint32_t>(random.below(101));
  habits.pipelining = random.chance(50) ? static_cast<std::uint32_t>(random.below(70)) : 0;
  habits.transactions = static_cast<std::uint32_t>(random.below(80));
  const bool all = name == "all";
  if (name == "cancels" || all) habits.cancels = 25;
  if (name == "vanish" || all) {
    habits.vanishing = 6;
    habits.half_close = 40;
  }
  if (name == "slow" || all) {
    habits.slow_reading = 15;
    habits.large = 15;
  }
  if (name == "ddl" || all) habits.ddl = 20;
  if (name == "faults" || all) {
    profile.faults = {true, true, true, true, true, true};
    profile.storm = seconds(4);
  }
  return profile;
}

}  // namespace heim::sim
