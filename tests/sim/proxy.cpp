#include "proxy.hpp"

#include <optional>

#include "control.hpp"
#include "session.hpp"
#include "session/hub.hpp"

namespace heim::sim {
namespace {

/// Repeatable "entropy".
class Dice final : public crypto::Random {
 public:
  explicit Dice(sim::Random random) : random_(random) {}
  void fill(std::uint8_t* out, std::size_t size) override {
    for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(random_.next() >> 32);
  }

 private:
  sim::Random random_;
};

class TraceLogger final : public Logger {
 public:
  explicit TraceLogger(Scheduler& scheduler) : scheduler_(scheduler) {}
  void log(LogLevel, std::string_view text) override { scheduler_.trace("proxy", text); }
  LogLevel level() const override {
    return scheduler_.tracing() ? LogLevel::debug : LogLevel::error;
  }

 private:
  Scheduler& scheduler_;
};

class Proxy final : public Middle, public Listener, public session::Fabric {
 public:
  explicit Proxy(World& world);
  Target target() const override { return {"proxy", 6432}; }
  void on_accept(Endpoint& stream) override;
  void stop() override;
  std::string check_stopped() override;
  std::uint64_t cache_hits() const override {
    return shared_.cache ? shared_.cache->stats().hits : 0;
  }
  void post(pool::WorkerId to, std::function<void(session::Hub&)> work) override;

 private:
  struct Worker {
    std::unique_ptr<session::Hub> hub;
    Instant ticks_at = never;
  };
  void configure();
  void arrange_tick(std::size_t index);
  void on_session(std::uint32_t node, const Backend& newcomer);
  void look_again();
  void learn_catalogs();

  World& world_;
  sim::Random random_;
  Dice dice_;
  TraceLogger logger_;
  std::shared_ptr<session::Rules> rules_ = std::make_shared<session::Rules>();
  session::Shared shared_;
  std::optional<Control> control_;
  std::vector<Worker> workers_;
  bool relays_logins_ = false;
};

Proxy::Proxy(World& world)
    : world_(world),
      random_(world.random().fork()),
      dice_(random_.fork()),
      logger_(world.scheduler()),
      shared_(static_cast<pool::WorkerId>(random_.between(1, 3)), dice_, logger_) {
  configure();
  if (world.profile().caches) {
    shared_.open_cache({.automatic = false});
  }
  shared_.fabric = this;
  control_.emplace(world, shared_.nodes, sim::Random(random_).fork());
  control_->set_sink(&shared_.ledger);
  shared_.ledger.sample_from(&*control_);
  control_->on_changed = [this] { look_again(); };
  workers_.resize(shared_.broker.workers());
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    Host& host = world.network().host("worker" + std::to_string(i));
    host.set_serves_tls(world.profile().habits.tls > 0);
    workers_[i].hub = std::make_unique<session::Hub>(static_cast<pool::WorkerId>(i), shared_, host,
                                                     world.scheduler(), rules_, nullptr);
    arrange_tick(i);
  }
  if (world.profile().splits && random_.chance(90)) learn_catalogs();
  world.network().host("proxy").set_serves_tls(world.profile().habits.tls > 0);
  world.network().listen("proxy", 6432, *this);
  for (std::uint32_t i = 0; i < world.cluster().size(); ++i) {
    world.cluster().server(i).on_session = [this, i](const Backend& backend) {
      on_session(i, backend);
    };
  }
}

// As if other clients had been here before: else most worlds are over before it is known.
void Proxy::learn_catalogs() {
  const Instant now = world_.scheduler().now();
  for (std::uint32_t i = 0; i < world_.profile().databases; ++i) {
    const std::string database = "data" + std::to_string(i);
    if (!shared_.catalogs.begin_load(database, now)) continue;
    auto catalog = std::make_shared<sql::Catalog>();
    for (const auto& row : catalog_rows()) catalog->add(row[0], row[1], row[2]);
    shared_.catalogs.loaded(database, now, std::move(catalog));
  }
}

void Proxy::configure() {
  config::Settings& settings = rules_->settings;
  for (std::uint32_t i = 0; i < world_.cluster().size(); ++i) {
    const ServerSettings& server = world_.cluster().server(i).settings();
    const auto role = i == 0 ? config::NodeRole::primary : config::NodeRole::standby;
    settings.nodes.push_back({server.host, server.host, server.port, role});
  }
  settings.routing.reads =
      world_.profile().splits ? config::Reads::standby : config::Reads::primary;
  settings.proxy.pool_mode = world_.profile().pool_mode;
  settings.proxy.pool_size = static_cast<std::uint32_t>(random_.between(1, 4));
  if (random_.chance(20)) settings.proxy.max_prepared_statements = 2;
  if (random_.chance(20)) settings.proxy.min_pool_size = 1;
  relays_logins_ = random_.chance(25);
  settings.auth.type = relays_logins_ ? config::AuthType::relay : config::AuthType::trust;
  settings.server_tls.mode = world_.profile().server_tls ? SslMode::prefer : SslMode::disable;
}

void Proxy::on_accept(Endpoint& stream) {
  workers_[random_.below(workers_.size())].hub->accept(stream);
}

void Proxy::arrange_tick(std::size_t index) {
  Worker& worker = workers_[index];
  worker.ticks_at = std::max(worker.hub->next_tick(), world_.scheduler().now());
  world_.scheduler().at(worker.ticks_at, "tick", index, [this, index] {
    if (!workers_[index].hub) return;
    workers_[index].hub->tick();
    arrange_tick(index);
  });
}

void Proxy::post(pool::WorkerId to, std::function<void(session::Hub&)> work) {
  // A moment later, as between threads; what one worker posts to another stays in order.
  world_.scheduler().after(microseconds(3), "post", to, [this, to, work = std::move(work)] {
    if (workers_[to].hub) work(*workers_[to].hub);
  });
}

/// A limit of connections is exact: judged where they arrive.
void Proxy::on_session(std::uint32_t node, const Backend& newcomer) {
  std::size_t count = 0;
  for (const auto& backend : world_.cluster().server(node).backends()) {
    if (!backend->gone() && backend->pool() == newcomer.pool() && backend->held_by_peer()) ++count;
  }
  // A relayed login may exceed the limit while it lasts, by 16 at most for each worker.
  // In mode auto, one more listens for all clients.
  const bool automatic = rules_->settings.proxy.pool_mode == config::PoolMode::automatic;
  const std::size_t grace = (relays_logins_ ? 16 * workers_.size() : 0) + (automatic ? 1 : 0);
  if (count > rules_->settings.proxy.pool_size + grace) {
    world_.judge().fail("pool " + newcomer.pool() + " has " + std::to_string(count) +
                        " connections, and pool_size is " +
                        std::to_string(rules_->settings.proxy.pool_size));
  }
}

void Proxy::look_again() {
  shared_.look_at_primary();
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    post(static_cast<pool::WorkerId>(i), [](session::Hub& hub) { hub.nodes_changed(); });
  }
}

void Proxy::stop() {
  control_->stop();
  for (Worker& worker : workers_)
    worker.hub->shutdown(session::Operator::Shutdown::wait_for_clients);
}

std::string Proxy::check_stopped() {
  for (const Worker& worker : workers_) {
    if (!worker.hub->is_done()) return "a worker does not end after shutdown";
  }
  for (Worker& worker : workers_) worker.hub.reset();
  return {};
}

}  // namespace

std::unique_ptr<Middle> make_proxy(World& world) { return std::make_unique<Proxy>(world); }

Profile for_proxy(Profile profile, std::uint64_t seed) {
  Random random(seed ^ 0x70726f7879);
  profile.tolerance.startup_is_default = false;
  profile.caches = profile.splits && random.chance(50);
  profile.pool_mode = profile.caches      ? config::PoolMode::automatic
                      : random.chance(60) ? config::PoolMode::automatic
                      : random.chance(60) ? config::PoolMode::transaction
                                          : config::PoolMode::session;
  if (profile.pool_mode == config::PoolMode::automatic) {
    profile.habits.sql_prepare = static_cast<std::uint32_t>(random.below(12));
    profile.habits.temp_tables = static_cast<std::uint32_t>(random.below(6));
    profile.habits.notifications =
        random.chance(20) ? 40 : static_cast<std::uint32_t>(random.below(8));
    // The channels of the model are those of one server.
    if (profile.cluster_faults.failovers) profile.habits.notifications = 0;
    // What RESET goes back to is the startup packet's value between transactions, the server's
    // within one.
    if (random.chance(50)) {
      profile.habits.startup_parameters = 0;
    } else {
      profile.habits.resets = profile.habits.discard = 0;
    }
  }
  if (profile.caches) {
    profile.habits.same_reads = 95;
    profile.habits.table_reads = static_cast<std::uint32_t>(random.between(80, 99));
    profile.habits.hints = 0;
    profile.habits.loose_reads = random.chance(50) ? 20 : 0;
  }
  profile.clients += static_cast<std::uint32_t>(random.below(6));
  profile.databases = static_cast<std::uint32_t>(random.between(1, 2));
  // A node's tables are one database's.
  if (profile.habits.tables > 0) profile.databases = 1;
  if (random.chance(30)) profile.habits.tls = 50;
  if (random.chance(30)) profile.server_tls = true;
  profile.tolerance.reshapes = true;
  profile.tolerance.loose_when_failed = true;
  // A SET that no server reports back holds for the transaction only.
  if (profile.pool_mode == config::PoolMode::transaction) profile.tolerance.keeps_settings = false;
  return profile;
}

}  // namespace heim::sim
