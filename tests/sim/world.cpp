#include "world.hpp"

namespace heim::sim {
namespace {

Profile with_tolerance(Profile profile) {
  const Faults& faults = profile.faults;
  Tolerance& tolerance = profile.tolerance;
  if (faults.crashes || faults.terminations || faults.shutdowns || faults.partitions ||
      faults.refusals || faults.wire_resets) {
    tolerance.disconnects = true;
    tolerance.lost_errors.insert({"08", "57P01", "57P02", "57P03"});
  }
  tolerance.ddl = profile.habits.ddl > 0;
  const ClusterFaults& cluster = profile.cluster_faults;
  if (cluster.primary || cluster.failovers) {
    tolerance.disconnects = true;
    tolerance.lost_errors.insert({"08", "57P01", "57P02", "57P03"});
  }
  // Who was the primary a moment ago refuses, or is a standby meanwhile; and nobody is, for a
  // while.
  if (cluster.failovers) tolerance.errors.insert({"25006", "40001"});
  // A read is asked again of another node, as long as none of its rows was shown.
  if (profile.cluster.standbys > 0) {
    tolerance.after_rows.insert({"08", "57P01", "57P02", "57P03", "40001"});
    // NOTIFY and the like in a block that was begun READ ONLY and has shown what a standby has.
    tolerance.errors.insert("25006");
  }
  return profile;
}

ServerSettings server_of(const Profile& profile) {
  ServerSettings server;
  server.tls = profile.server_tls;
  return server;
}

}  // namespace

World::World(std::uint64_t seed, Profile profile, bool trace, const MakeMiddle& make_middle)
    : scheduler_(trace),
      judge_(scheduler_),
      random_(seed),
      profile_(with_tolerance(std::move(profile))),
      network_(scheduler_, judge_, random_.fork(), profile_.quality),
      cluster_(network_, judge_, random_.fork(), profile_.cluster, server_of(profile_)),
      storm_end_(scheduler_.now() + profile_.storm) {
  if (cluster_.size() > 1) {
    judge_.set_cluster(profile_.cluster_faults.failovers);
    storm_.emplace(network_, cluster_, random_.fork(), profile_.cluster_faults, storm_end_);
  }
  const ServerSettings& server = primary().settings();
  if (make_middle) middle_ = make_middle(*this);
  const Target target = middle_ ? middle_->target() : Target{server.host, server.port};
  for (std::uint32_t number = 1; number <= profile_.clients; ++number) {
    ClientSettings settings{number, target, {}, {}};
    settings.user = "user" + std::to_string(random_.below(profile_.users));
    settings.database = "data" + std::to_string(random_.below(profile_.databases));
    clients_.push_back(std::make_unique<Client>(network_, random_.fork(), profile_, settings));
  }
}

World::~World() = default;

void World::run_until(Instant end, bool (World::*enough)() const) {
  while (!(enough && (this->*enough)()) && scheduler_.run_one(end)) {
    if (!middle_) continue;
    const std::string wrong = middle_->check();
    if (!wrong.empty()) judge_.fail(wrong);
  }
}

bool World::all_done() const {
  for (const auto& client : clients_) {
    if (!client->done()) return false;
  }
  return true;
}

Outcome World::run() {
  for (const auto& client : clients_) {
    scheduler_.after(random_.between(Duration(0), milliseconds(50)), "start", 0,
                     [&client] { client->start(); });
  }
  schedule_fault();
  if (storm_) storm_->begin();
  run_until(storm_end_ + profile_.patience, &World::all_done);
  if (!judge_.failed() && !all_done()) judge_.fail("clients are stuck:\n" + unfinished());
  if (middle_ && !judge_.failed()) middle_->stop();
  if (!judge_.failed()) run_until(scheduler_.now() + seconds(30), nullptr);
  if (!judge_.failed()) judge_.check_history();
  if (middle_ && !judge_.failed()) {
    const std::string wrong = middle_->check_stopped();
    if (!wrong.empty()) judge_.fail(wrong);
    run_until(scheduler_.now() + seconds(30), nullptr);
  }
  if (!judge_.failed() && network_.open_count() != 0)
    judge_.fail("streams were left open:" + open_streams());
  return outcome();
}

Outcome World::outcome() const {
  Outcome outcome{judge_.verdict(),    scheduler_.hash(), scheduler_.events(),
                  judge_.statements(), judge_.commits(),  judge_.cancels_hit()};
  for (std::uint32_t i = 0; i < cluster_.size(); ++i) outcome.backends += cluster_.server(i).made();
  outcome.reads = judge_.history().reads();
  outcome.on_standbys = judge_.on_standbys();
  outcome.cache_hits = middle_ ? middle_->cache_hits() : 0;
  outcome.timelines = judge_.history().newest_timeline();
  outcome.lost = judge_.history().lost();
  for (const auto& client : clients_) outcome.answers += client->units_answered();
  return outcome;
}

std::string World::open_streams() const {
  std::string text;
  for (const auto& end : network_.endpoints()) {
    if (!end->closed())
      text += "\n  " + end->local_name() + " to " + end->peer_name() + " " + end->purpose;
  }
  return text;
}

std::string World::unfinished() const {
  std::string text;
  for (const auto& client : clients_) {
    if (!client->done()) text += "  " + client->describe() + "\n";
  }
  for (std::uint32_t i = 0; i < cluster_.size(); ++i) {
    for (const auto& backend : cluster_.server(i).backends()) {
      if (!backend->gone()) text += "  " + backend->describe() + "\n";
    }
  }
  return text;
}

// ---- faults

void World::schedule_fault() {
  const Faults& faults = profile_.faults;
  if (!(faults.crashes || faults.terminations || faults.shutdowns || faults.partitions ||
        faults.refusals || faults.wire_resets)) {
    return;
  }
  scheduler_.after(random_.between(milliseconds(5), milliseconds(400)), "fault", 0, [this] {
    if (scheduler_.now() >= storm_end_ || all_done()) return heal();
    befall();
    schedule_fault();
  });
}

void World::befall() {
  const Faults& faults = profile_.faults;
  Server& server = cluster_.server(0);
  const std::string host = server.settings().host;
  const Duration pause = random_.between(milliseconds(10), milliseconds(1500));
  const auto restart = [this, pause, &server] {
    scheduler_.after(pause, "restart", 0, [&server] { server.start(); });
  };
  switch (random_.below(6)) {
    case 0:
      if (faults.crashes && server.up()) server.crash(), restart();
      break;
    case 1:
      if (faults.shutdowns && server.up()) server.shut_down(), restart();
      break;
    case 2:
      if (faults.partitions && !network_.host(host).partitioned()) {
        network_.partition(host, true);
        scheduler_.after(pause, "heal", 0, [this, host] { network_.partition(host, false); });
      }
      break;
    case 3:
      if (faults.refusals && server.up()) {
        network_.set_door(host, 5432, random_.chance(50) ? Door::refuse : Door::black_hole);
        restart();
      }
      break;
    case 4:
      if (faults.wire_resets) {
        std::vector<Endpoint*> open;
        for (const auto& end : network_.endpoints()) {
          if (!end->closed() && !end->ended() && end->peer()) open.push_back(end.get());
        }
        if (!open.empty()) open[random_.below(open.size())]->reset_after(random_.below(400));
      }
      break;
    default:
      if (faults.terminations) server.terminate_one();
  }
}

void World::heal() {
  const std::string host = cluster_.server(0).settings().host;
  cluster_.server(0).start();
  network_.partition(host, false);
}

}  // namespace heim::sim
