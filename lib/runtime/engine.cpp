#include "runtime/engine.hpp"

#include <algorithm>
#include <thread>

#include "admin/merge.hpp"
#include "config/address.hpp"
#include "config/describe.hpp"
#include "runtime/cache_limits.hpp"
#include "runtime/desk.hpp"
#include "runtime/fleet_thread.hpp"
#include "runtime/parser_thread.hpp"
#include "runtime/redis_access.hpp"
#include "runtime/rest_desk.hpp"
#include "runtime/role.hpp"
#include "runtime/seat.hpp"
#include "runtime/steward.hpp"
#include "runtime/store_thread.hpp"
#include "runtime/warm_start.hpp"
#include "runtime/worker.hpp"

namespace heim::runtime {
namespace {

std::uint32_t worker_count(const config::Settings& settings) {
  if (settings.proxy.workers > 0) return settings.proxy.workers;
  const std::uint32_t processors = std::thread::hardware_concurrency();
  return processors > 2 ? processors / 2 : 1;
}

io::ListenOptions listen_options(const config::Proxy& proxy) {
  io::ListenOptions options;
  options.backlog = static_cast<int>(proxy.listen_backlog);
  options.unix_mode = proxy.unix_socket_mode;
  return options;
}

// As Target::host has it.
std::string place_of(const config::Node& node) {
  return node.backend.empty() ? node.host : std::string(in_process) + node.backend;
}

bool is_it(const cluster::Node& node, const config::Node& wanted) {
  return node.name == wanted.name && node.host == place_of(wanted) && node.port == wanted.port &&
         node.zone == wanted.zone && node.tags == wanted.tags &&
         node.discover == (wanted.role == config::NodeRole::automatic);
}

// Nothing: there is no room.
std::optional<std::uint32_t> find_or_add(cluster::Topology& nodes, const config::Node& wanted,
                                         const std::vector<bool>& listed) {
  for (std::uint32_t i = 0; i < nodes.size(); ++i) {
    if (!listed[i] && is_it(nodes.node(i), wanted)) return i;
  }
  if (nodes.size() == cluster::max_nodes) return std::nullopt;
  cluster::Node node;
  node.name = wanted.name;
  node.host = place_of(wanted);
  node.port = wanted.port;
  node.discover = wanted.role == config::NodeRole::automatic;
  node.zone = wanted.zone;
  node.tags = wanted.tags;
  node.foreign = !wanted.backend.empty();
  return nodes.add(std::move(node), role_of(wanted.role));
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::open(config::Loaded loaded, Logger& logger, Source source,
                                             std::uint32_t seats) {
  std::unique_ptr<Engine> engine(new Engine(std::move(loaded), logger, std::move(source), seats));
  auto rules = load_rules(engine->loaded_.settings, engine->shared_->process_key, nullptr);
  if (!rules) return rules.error();
  engine->rules_ = std::move(*rules);
  if (engine->fleet_) {
    if (auto prepared = engine->fleet_->prepare(); !prepared) return prepared.error();
  }
  if (engine->store_) {
    if (auto prepared = engine->store_->prepare(); !prepared) return prepared.error();
  }
  return engine;
}

Engine::Engine(config::Loaded loaded, Logger& logger, Source source, std::uint32_t seats)
    : logger_(logger), source_(std::move(source)), loaded_(std::move(loaded)) {
  threads_ = worker_count(loaded_.settings);
  const auto workers = static_cast<pool::WorkerId>(threads_ + seats);
  shared_ = std::make_unique<session::Shared>(workers, random_, logger_);
  if (const config::Cache& cache = loaded_.settings.cache; cache.enabled) {
    shared_->open_cache(limits_of(cache));
    if (cache.prefetch != 0) shared_->askers = std::make_unique<session::Askers>();
    if (!cache.warm_start.empty()) warm_start_ = std::make_unique<WarmStart>(cache, *shared_);
    if (cache.follow == config::Follow::wal) {
      shared_->follow = std::make_unique<freshness::Follow>(freshness::Follow::Options{
          .lag = cache.follow_lag, .bypass = cache.on_loss == config::OnLoss::bypass});
    }
    if (!loaded_.settings.cache_redis.servers.empty()) {
      fleet_ = std::make_unique<FleetThread>(loaded_.settings, *shared_);
    }
    if (fleet_ && has_store(loaded_.settings)) {
      store_ = std::make_unique<StoreThread>(loaded_.settings, *shared_);
    }
  }
  shared_->fabric = this;
  shared_->engine = this;
  shared_->wall_clock = [] { return std::chrono::system_clock::now(); };
  desk_ = std::make_unique<Desk>(*this);
  rest_desk_ = std::make_unique<RestDesk>(*this);
  control_ =
      std::make_unique<control::Control>(shared_->nodes, logger_, [this] { nodes_changed(); });
  shared_->reports = control_.get();
  control_->set_sink(&shared_->ledger);
  if (shared_->follow) {
    const std::string& publication = loaded_.settings.cache.publication;
    control_->follow({*shared_->follow, shared_->ledger, shared_->catalogs, publication,
                      control::objects_question(publication)});
  }
  shared_->ledger.sample_from(control_.get());
  apply_nodes(loaded_.settings);
  accounting_ = std::make_unique<freshness::Accounting>(shared_->ledger, shared_->accounts());
}

Engine::~Engine() {
  http_.reset();
  control_->stop();
  for (const auto& worker : workers_) worker->join();
  if (steward_) steward_->stop();
  for (const auto& seat : seats_) seat->retire();
  if (warm_start_) warm_start_->stop();
  if (store_) store_->stop();
  if (fleet_) fleet_->stop();
  shared_->ledger.sample_from(nullptr);
}

void Engine::apply_nodes(const config::Settings& settings) {
  control_->configure(settings);
  control_->edit(
      [&](cluster::Reducer& reducer, Instant now) { list_nodes(settings, reducer, now); });
}

// Workers look again.
void Engine::nodes_changed() {
  const std::lock_guard lock(telling_);
  shared_->look_at_primary();
  tell_workers([](Worker&, session::Hub& hub) { hub.nodes_changed(); });
}

// What may begin or end the workers' accounting for commits, each at his own moment.
void Engine::tell_workers(const Told& what) {
  const std::uint64_t round = accounting_->begin(shared_->accounts());
  auto left = std::make_shared<std::atomic<std::size_t>>(workers_.size());
  for (const auto& worker : workers_) {
    worker->post([this, what, round, left, target = worker.get()](session::Hub& hub) {
      what(*target, hub);
      hub.look_at_nodes();
      if (left->fetch_sub(1) == 1) accounting_->done(round, std::chrono::steady_clock::now());
    });
  }
}

// Nodes are known by name, place (host, port, zone) and tags; what is no longer listed stays as
// `removed`. Those that were discovered are discovery's.
void Engine::list_nodes(const config::Settings& settings, cluster::Reducer& reducer, Instant now) {
  cluster::Topology& nodes = shared_->nodes;
  std::vector<bool> listed(cluster::max_nodes, false);
  for (const config::Node& wanted : settings.nodes) {
    const std::optional<std::uint32_t> index = find_or_add(nodes, wanted, listed);
    if (!index) {
      logger_.log(LogLevel::error,
                  "too many nodes since the start; " + wanted.name + " is left out");
      continue;
    }
    nodes.state(*index).weight = wanted.weight;
    reducer.enlist(*index, role_of(wanted.role), false, now);
    listed[*index] = true;
  }
  const bool discovers = settings.cluster.discovery != config::Discovery::none;
  for (std::uint32_t i = 0; i < nodes.size(); ++i) {
    if (!listed[i] && !(discovers && reducer.is_discovered(i))) reducer.dismiss(i, now);
  }
}

void Engine::add_backend(const std::string& name, std::unique_ptr<backend::Backend> backend) {
  backends_[name] = std::make_unique<backend::Host>(name, std::move(backend), logger_);
}

bool Engine::has_backend(std::string_view name) const { return backends_.contains(name); }

// What connects to it waits for a start: nothing is added then.
Result<io::Fd> Engine::dial(std::string_view name) {
  const auto found = backends_.find(name);
  if (found != backends_.end()) return found->second->connect();
  return Error{"08001", "there is no backend " + std::string(name), {}, {}};
}

Result<void> Engine::check_backends(const config::Settings& settings) const {
  for (const config::Node& node : settings.nodes) {
    if (node.backend.empty() || has_backend(node.backend)) continue;
    return Error{
        "F0000",
        "node " + node.name + ": this program has added no backend \"" + node.backend + "\"",
        {},
        {}};
  }
  return {};
}

Result<void> Engine::start(const std::string& private_dir) {
  const config::Proxy& proxy = loaded_.settings.proxy;
  std::vector<io::ListenSocket> sockets;
  for (const std::string& address : proxy.listen_address) {
    auto opened = io::ListenSocket::open_tcp(address, listen_options(proxy));
    if (!opened) return opened.error();
    for (io::ListenSocket& socket : *opened) sockets.push_back(std::move(socket));
  }
  for (const std::string& dir : {proxy.unix_socket_dir, private_dir}) {
    if (dir.empty()) continue;
    auto opened = io::ListenSocket::open_unix(
        dir + "/.s.PGSQL." + std::to_string(proxy.listen_port), listen_options(proxy));
    if (!opened) return opened.error();
    sockets.push_back(std::move(*opened));
  }
  if (auto served = start_http(); !served) return served;
  make_workers();
  for (io::ListenSocket& socket : sockets) {
    addresses_.push_back(socket.endpoint().text());
    workers_[0]->listen(std::move(socket), [this](int fd) { distribute(fd); });
  }
  started_ = true;
  for (std::size_t i = 0; i < threads_; ++i) workers_[i]->start();
  start_seats();
  control_->start();
  if (fleet_) fleet_->start();
  if (store_) store_->start();
  if (warm_start_) warm_start_->start();
  return {};
}

void Engine::make_workers() {
  for (pool::WorkerId id = 0; id < shared_->broker.workers(); ++id) {
    workers_.push_back(
        std::make_unique<Worker>(id, *shared_, rules_, desk_.get(), [this] { worker_done(); }));
    workers_.back()->set_dial([this](std::string_view name) { return dial(name); });
  }
  workers_left_ = workers_.size();
  if (workers_.size() == threads_) return;
  steward_ = std::make_unique<Steward>();
  parser_ = std::make_unique<ParserThread>();
  for (std::size_t i = threads_; i < workers_.size(); ++i) {
    seats_.push_back(std::make_shared<Seat>(*workers_[i], *steward_));
    seats_.back()->set_descriptor(workers_[i]->loop().descriptor());
    workers_[i]->set_on_mail([this] { steward_->wake(); });
    steward_->add(seats_.back());
  }
}

void Engine::start_seats() {
  if (!steward_) return;
  for (std::size_t i = threads_; i < workers_.size(); ++i) workers_[i]->start_seated(*parser_);
  steward_->start();
}

std::shared_ptr<Seat> Engine::take_seat() {
  if (!started_ || seats_.empty()) return nullptr;
  const auto fewer = [](const auto& a, const auto& b) { return a->sessions < b->sessions; };
  std::shared_ptr<Seat> seat = *std::min_element(seats_.begin(), seats_.end(), fewer);
  ++seat->sessions;
  return seat;
}

Result<void> Engine::start_http() {
  const std::string& text = loaded_.settings.proxy.admin_address;
  if (text.empty()) return {};
  const auto address = config::parse_address(text, 9090);
  auto server = admin::HttpServer::start(
      address->host, address->port,
      [this](const admin::HttpRequest& request) { return admin::rest(*rest_desk_, request); });
  if (server) {
    http_ = std::move(*server);
    return {};
  }
  // A build without HTTP still serves what it is for.
  if (server.error().sqlstate != "0A000") return server.error();
  logger_.log(LogLevel::warning, server.error().message);
  return {};
}

// Connections go round the workers that have threads.
void Engine::distribute(int fd) {
  const std::size_t next = turn_++ % threads_;
  if (next == 0) return workers_[0]->accept(fd);
  Worker* worker = workers_[next].get();
  worker->post([worker, fd](session::Hub&) { worker->accept(fd); });
}

std::vector<std::string> Engine::addresses() const { return addresses_; }

bool Engine::wait(Duration limit) {
  std::unique_lock lock(mutex_);
  return ended_.wait_for(lock, limit, [this] { return started_ && workers_left_ == 0; });
}

void Engine::worker_done() {
  const std::lock_guard lock(mutex_);
  --workers_left_;
  ended_.notify_all();
}

void Engine::post(pool::WorkerId to, std::function<void(session::Hub&)> work) {
  workers_[to]->post(std::move(work));
}

std::string Engine::reload() {
  if (!source_) return "there is no file to read the configuration from";
  config::LoadResult result = source_();
  if (!result) return config::to_text(result.errors());
  const std::lock_guard lock(mutex_);
  config::Loaded next = *std::move(result);
  if (auto known = check_backends(next.settings); !known) return known.error().message;
  auto rules = load_rules(next.settings, shared_->process_key, rules_.session.get());
  if (!rules) return rules.error().message;
  for (const config::Diagnostic& warning : next.warnings) {
    logger_.log(LogLevel::warning, config::to_text(warning));
  }
  for (const std::string& key : config::not_reloadable_changes(loaded_.settings, next.settings)) {
    logger_.log(LogLevel::warning, key + " changed; it takes effect at the next start");
  }
  apply_nodes(next.settings);
  loaded_ = std::move(next);
  rules_ = std::move(*rules);
  const config::Log& log = loaded_.settings.log;
  logger_.configure(log.level, log.format == config::LogFormat::json);
  {
    const std::lock_guard order(telling_);
    tell_workers([rules = rules_](Worker& worker, session::Hub&) { worker.set_rules(rules); });
  }
  logger_.log(LogLevel::info, "the configuration was reloaded");
  return {};
}

void Engine::shutdown(Shutdown how) {
  stopping_ = true;
  for (const auto& worker : workers_) {
    worker->post([how, target = worker.get()](session::Hub&) { target->shutdown(how); });
  }
}

bool Engine::is_ready() const { return started_ && !stopping_; }

config::Snapshot Engine::settings() const {
  const std::lock_guard lock(mutex_);
  return {rules_.session, &rules_.session->settings};
}

void Engine::broadcast(pool::WorkerId home, std::function<void(session::Hub&)> work,
                       std::function<void(session::Hub&)> done) {
  auto left = std::make_shared<std::atomic<std::size_t>>(workers_.size());
  for (const auto& worker : workers_) {
    worker->post([this, home, work, done, left](session::Hub& hub) {
      work(hub);
      if (left->fetch_sub(1) == 1) post(home, done);
    });
  }
}

session::Snapshot Engine::blank() const {
  session::Snapshot whole;
  whole.version = HEIM_VERSION_TEXT;
  whole.state = paused_ ? session::EngineState::paused : session::EngineState::active;
  whole.wall_now =
      std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
  fill_nodes(whole);
  const std::lock_guard lock(mutex_);
  for (const config::ConfigRow& row : config::describe(loaded_.settings)) {
    std::string source = "default";
    for (const config::Origin& origin : loaded_.origins) {
      if (origin.key == row.key) source = origin.file + ":" + std::to_string(origin.line);
    }
    whole.config.push_back(
        {row.name, row.value, row.default_value, row.changeable, std::move(source)});
  }
  return whole;
}

void Engine::collect(pool::WorkerId home,
                     std::function<void(session::Hub&, session::Snapshot)> done) {
  struct Gathering {
    std::mutex mutex;
    session::Snapshot whole;
  };
  auto gathering = std::make_shared<Gathering>();
  gathering->whole = blank();
  broadcast(
      home,
      [gathering](session::Hub& hub) {
        session::Snapshot part;
        hub.fill(part);
        const std::lock_guard lock(gathering->mutex);
        admin::merge(gathering->whole, std::move(part));
      },
      [gathering, done = std::move(done)](session::Hub& hub) {
        done(hub, std::move(gathering->whole));
      });
}

}  // namespace heim::runtime
