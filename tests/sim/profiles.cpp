#include "profiles.hpp"

#include <cstdlib>

namespace heim::sim {
namespace {

Quality draw_quality(Random& random) {
  Quality quality;
  switch (random.below(4)) {
    case 0:
      break;
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

struct NamedHabit {
  const char* name;
  std::uint32_t Habits::*value;
};
constexpr NamedHabit named_habits[] = {
    {"extended", &Habits::extended},
    {"pipelining", &Habits::pipelining},
    {"transactions", &Habits::transactions},
    {"errors", &Habits::errors},
    {"copies", &Habits::copies},
    {"copy_syncs", &Habits::copy_syncs},
    {"eager_copies", &Habits::eager_copies},
    {"settings", &Habits::settings},
    {"resets", &Habits::resets},
    {"functions", &Habits::functions},
    {"large", &Habits::large},
    {"sql_prepare", &Habits::sql_prepare},
    {"temp_tables", &Habits::temp_tables},
    {"notifications", &Habits::notifications},
    {"discard", &Habits::discard},
    {"unsure_names", &Habits::unsure_names},
    {"pipelined_discard", &Habits::pipelined_discard},
    {"ddl", &Habits::ddl},
    {"unreported", &Habits::unreported},
    {"cancels", &Habits::cancels},
    {"vanishing", &Habits::vanishing},
    {"slow_reading", &Habits::slow_reading},
    {"half_close", &Habits::half_close},
    {"tls", &Habits::tls},
    {"startup_parameters", &Habits::startup_parameters},
    {"tables", &Habits::tables},
    {"table_reads", &Habits::table_reads},
    {"hot_table", &Habits::hot_table},
    {"hints", &Habits::hints},
    {"savepoints", &Habits::savepoints},
};

void draw_cluster(Profile& profile, Random& random) {
  const bool lagging = profile.name == "lagging", failover = profile.name == "failover";
  if (!lagging && !failover && profile.name != "cluster") return;
  Habits& habits = profile.habits;
  habits.tables = 85;
  habits.table_reads = static_cast<std::uint32_t>(random.between(30, 95));
  profile.units = static_cast<std::uint32_t>(random.between(20, 80));
  profile.think_max = random.between(milliseconds(1), milliseconds(80));
  habits.hints = static_cast<std::uint32_t>(random.below(30));
  if (random.chance(50)) {
    habits.savepoints = 15;
    habits.settings = 0;  // what ROLLBACK TO does to a setting is not modelled
  } else {
    habits.settings = 5;
  }
  habits.errors = 3;
  habits.copies = 3;
  if (random.chance(50)) {  // little is written: many reads find a standby that has it all
    habits.table_reads = static_cast<std::uint32_t>(random.between(90, 99));
    habits.tables = 97;
    habits.hot_table = 80;
    habits.transactions /= 2;
    habits.savepoints = habits.settings = habits.errors = habits.copies = 0;
    profile.units *= 2;
  }
  profile.storm = seconds(3);
  ClusterSettings& cluster = profile.cluster;
  cluster.standbys = static_cast<std::uint32_t>(random.between(lagging || failover ? 1 : 0, 3));
  cluster.synchronous = random.chance(30);
  cluster.conflicts = random.chance(40) ? 5 : 0;
  cluster.ship_max = random.between(microseconds(100), milliseconds(20));
  cluster.replay_max = random.between(microseconds(100), milliseconds(lagging ? 300 : 20));
  if (lagging && random.chance(50)) {
    cluster.apply_delay = random.between(milliseconds(20), milliseconds(2000));
  }
  profile.cluster_faults = {!lagging, true, failover && random.chance(50), failover};
  // As with cancels: where the COPY was lost decides which of these are answered.
  if (failover) habits.copy_syncs = 0;
}

}  // namespace

bool set_habit(Habits& habits, const std::string& assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == assignment.npos) return false;
  for (const NamedHabit& habit : named_habits) {
    if (assignment.substr(0, equals) != habit.name) continue;
    habits.*habit.value =
        static_cast<std::uint32_t>(std::strtoul(assignment.c_str() + equals + 1, nullptr, 10));
    return true;
  }
  return false;
}

const std::vector<std::string>& profile_names() {
  static const std::vector<std::string> names{"calm",    "cancels", "vanish", "slow",
                                              "ddl",     "faults",  "all",    "cluster",
                                              "lagging", "failover"};
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
  if (name == "cancels" || all) {
    habits.cancels = 25;
    // Whether a Sync among COPY data is answered depends on the message that the cancel hit: no
    // client can know.
    habits.copy_syncs = 0;
  }
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
  draw_cluster(profile, random);
  return profile;
}

}  // namespace heim::sim
