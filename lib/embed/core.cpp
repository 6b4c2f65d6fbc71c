#include "embed/core.hpp"

#include <algorithm>
#include <utility>

#include "runtime/cache_limits.hpp"
#include "runtime/role.hpp"
#include "runtime/rules.hpp"
#include "session/invalidation.hpp"

namespace heim::embed {
namespace {

[[noreturn]] void refuse(const std::string& why) { throw Failure(Trouble::invalid, why); }

// What is not the core's to do is refused, not left undone.
config::Settings fitted(const config::Settings& given, bool tls) {
  for (const config::Node& node : given.nodes) {
    if (!node.backend.empty()) refuse("node " + node.name + " is a backend: a core has none");
  }
  config::Settings settings = given;
  if (tls) return settings;
  constexpr std::string_view why = " asks for TLS, and the program does none ('tls' is 0)";
  if (given.client_tls.mode >= SslMode::require) refuse("client_tls.mode" + std::string(why));
  if (given.server_tls.mode >= SslMode::require) refuse("server_tls.mode" + std::string(why));
  settings.server_tls.mode = SslMode::disable;
  return settings;
}

bool keeps_minimum(const config::Settings& settings) {
  const auto keeps = [](const config::Database& entry) {
    return entry.min_pool_size.value_or(0) > 0;
  };
  return settings.proxy.min_pool_size > 0 || std::ranges::any_of(settings.databases, keeps);
}

}  // namespace

Core::Core(const config::Settings& given, const CoreOptions& options, Logger& logger, Instant now)
    : clock_(now),
      shared_(1, random_, logger),
      connections_(clock_, options.tls && given.client_tls.mode != SslMode::disable,
                   options.endpoint_hash),
      keeps_minimum_(keeps_minimum(given)) {
  const config::Settings settings = fitted(given, options.tls);
  shared_.fabric = this;
  shared_.wall_clock = [this, wall = options.wall_now, began = now] {
    return wall + std::chrono::duration_cast<auth::WallTime::duration>(clock_.time - began);
  };
  auto rules = runtime::load_session_rules(settings, shared_.process_key, nullptr);
  if (!rules) refuse(rules.error().message);
  list_nodes(shared_.nodes, settings);
  if (settings.cache.enabled) shared_.open_cache(runtime::limits_of(settings.cache));
  accounting_.emplace(shared_.ledger, shared_.accounts());
  if (options.parser_thread) parser_.emplace();
  hub_.emplace(pool::WorkerId{0}, shared_, connections_, clock_, *std::move(rules), nullptr);
  if (parser_) hub_->analysis.set_host(&*parser_);
  hub_->look_at_nodes();
  shared_.look_at_primary();
  if (shared_.nodes.size() > 1) shared_.ledger.sample_from(this);
}

Core::~Core() {
  hub_.reset();
  shared_.ledger.sample_from(nullptr);
}

// ---- the engine's way to itself ------------------------------------------------

void Core::post(pool::WorkerId, std::function<void(session::Hub&)> work) {
  mail_.push_back(std::move(work));
}

void Core::want_sample() {
  if (!std::exchange(sample_asked_, true)) connections_.push(Action::Kind::sample);
}

void Core::must_work() const {
  if (broken_) throw Failure(Trouble::state, "the core is broken, and can only be freed");
}

template <class Work>
auto Core::run(Work work) {
  must_work();
  try {
    work();
    settle();
  } catch (const Failure&) {
    throw;  // before anything was done
  } catch (...) {
    broken_ = true;
    throw;
  }
}

// What an event has brought about for later: nothing in the engine is under way any more.
void Core::settle() {
  do {
    while (!mail_.empty()) {
      const auto work = std::move(mail_.front());
      mail_.pop_front();
      work(*hub_);
    }
  } while (connections_.go_on() || !mail_.empty());
  shared_.look_at_primary();  // a login may have told who it is
}

// ---- time ----------------------------------------------------------------------

void Core::advance(Instant now) {
  if (now < clock_.time) throw Failure(Trouble::invalid, "'now_ns' is before what it was");
  run([&] {
    clock_.time = now;
    if (now >= hub_->next_tick()) tick();
  });
}

void Core::tick() {
  connections_.tick();
  hub_->tick();
  shared_.ledger.tick(now());
  close_when_done();
}

void Core::close_when_done() {
  if (stopping_ && hub_->is_done()) hub_->close_servers();
}

Instant Core::deadline() const {
  if (broken_ || (connections_.empty() && !keeps_minimum_)) return never;
  return hub_->next_tick();
}

// ---- what the program does and tells -------------------------------------------

const Action& Core::next_action() {
  must_work();
  try {
    return connections_.next_action();
  } catch (...) {
    broken_ = true;
    throw;
  }
}

const char* Core::node_of(const Target& target) const {
  for (std::uint32_t i = 0; i < shared_.nodes.size(); ++i) {
    const cluster::Node& node = shared_.nodes.node(i);
    if (node.host == target.host && node.port == target.port) return node.name.c_str();
  }
  return "";
}

const char* Core::primary() const {
  for (std::uint32_t i = 0; i < shared_.nodes.size(); ++i) {
    if (shared_.nodes.role(i) == cluster::Role::primary) return shared_.nodes.node(i).name.c_str();
  }
  return "";
}

std::uint64_t Core::accept(Peer peer) {
  std::uint64_t id = 0;
  run([&] {
    Connection& connection = connections_.accept(std::move(peer));
    hub_->accept(connection);
    id = connection.id;
  });
  return id;
}

void Core::connected(std::uint64_t id, std::optional<Peer> peer) {
  run([&] { connections_.find(id).connected(std::move(peer)); });
}

void Core::received(std::uint64_t id, Bytes bytes) {
  run([&] { connections_.find(id).received(bytes); });
}

Bytes Core::unsent(std::uint64_t id) {
  must_work();
  return connections_.find(id).unsent();
}

void Core::sent(std::uint64_t id, std::size_t count) {
  run([&] { connections_.find(id).sent(count); });
}

void Core::ended(std::uint64_t id, std::string why) {
  run([&] { connections_.find(id).ended(std::move(why)); });
}

void Core::secured(std::uint64_t id, const TlsInfo& info) {
  run([&] { connections_.find(id).secured(info); });
}

// ---- nodes ---------------------------------------------------------------------

void Core::set_node(std::string_view name, const NodeView& view) {
  const std::optional<std::uint32_t> node = find_node(shared_.nodes, name);
  if (!node) refuse("there is no node " + std::string(name));
  run([&] { apply(*node, view); });
}

void Core::apply(std::uint32_t index, const NodeView& view) {
  cluster::NodeState& state = shared_.nodes.state(index);
  const cluster::Role before = state.role;
  const cluster::Role configured = runtime::role_of(hub_->settings().nodes[index].role);
  const bool learns = configured == cluster::Role::unknown;
  const cluster::Role usual = learns ? before : configured;
  const cluster::Role role = view.role == cluster::Role::unknown ? usual : view.role;
  if (role == cluster::Role::primary && view.lsn != 0) {
    refuse("'lsn' is of a primary: it is told by heim_core_sample_end()");
  }
  set_state(state, usual, view);
  if (view.role != cluster::Role::unknown) state.monitored = true;
  state.down_until_ns = 0;
  // Others may have replayed what the new one has not.
  if (role == cluster::Role::primary && before != role) {
    for (std::uint32_t i = 0; i < shared_.nodes.size(); ++i) shared_.nodes.state(i).replayed = 0;
  }
  hub_->nodes_changed();
  hub_->look_at_nodes();
}

std::uint64_t Core::begin_sample() {
  must_work();
  sample_asked_ = false;
  return *(sample_ = shared_.ledger.sample_begins());
}

void Core::end_sample(std::uint64_t sample, std::uint64_t lsn) {
  if (sample_ != sample) refuse("no such sample is under way");
  run([&] {
    sample_.reset();
    shared_.ledger.sample_done(sample, lsn);
  });
}

void Core::invalidate(const std::string& database, const std::string& table) {
  if (!hub_->knows(database)) throw Failure(Trouble::server, "no such database", "3D000");
  session::Invalidation invalidation(*hub_);
  run([&] {
    if (!table.empty()) {
      const Result<void> done = invalidation.table(database, table);
      if (!done) throw Failure(Trouble::server, done.error().message, done.error().sqlstate);
    } else if (!database.empty()) {
      invalidation.database(database);
    } else {
      invalidation.everything();
    }
  });
}

// ---- the end -------------------------------------------------------------------

void Core::stop(session::Operator::Shutdown how) {
  run([&] {
    stopping_ = true;
    hub_->shutdown(how);
    close_when_done();
  });
}

}  // namespace heim::embed
