// Control: what the configuration and discovery say of nodes.
#include <algorithm>

#include "config/address.hpp"
#include "config/backends.hpp"
#include "config/words.hpp"
#include "control/control.hpp"

namespace heim::control {
namespace {

constexpr std::uint32_t rounds_without = 3;  // after which a discovered node has left

/// What libpq is told. Nothing is left to the environment or to files of the user we run as.
Conninfo login(const config::Settings& settings) {
  const config::Monitor& monitor = settings.monitor;
  const config::ServerTls& tls = settings.server_tls;
  const auto limit = std::chrono::ceil<std::chrono::milliseconds>(monitor.timeout).count();
  Conninfo info = {{"user", monitor.user},
                   {"dbname", monitor.dbname},
                   {"passfile", "/dev/null/none"},
                   {"application_name", "heimproxy monitor"},
                   {"client_encoding", "UTF8"},
                   {"gssencmode", "disable"},
                   {"target_session_attrs", "any"},
                   {"sslmode", std::string(config::to_text(tls.mode))},
                   {"ssl_min_protocol_version", tls.min_version},
                   {"options", "-c statement_timeout=" + std::to_string(limit)}};
  const auto add = [&](const char* key, std::string_view value) {
    if (!value.empty()) info.emplace_back(key, value);
  };
  add("password", monitor.password.view());
  add("sslrootcert", tls.ca_file);
  add("sslcert", tls.cert_file);
  add("sslkey", tls.key_file);
  return info;
}

cluster::ReducerOptions reducer_options(const config::Settings& settings) {
  const config::Monitor& monitor = settings.monitor;
  const config::Breaker& breaker = settings.breaker;
  cluster::ReducerOptions options;
  options.watching = !monitor.user.empty();
  options.settle = monitor.timeout / 2;
  options.failures = monitor.failures;
  options.recoveries = monitor.recoveries;
  options.slow_start = monitor.slow_start;
  options.breaker = {breaker.window,
                     breaker.minimum,
                     breaker.threshold / 100.0,
                     static_cast<double>(breaker.factor),
                     breaker.rest,
                     breaker.longest_rest,
                     breaker.trial};
  return options;
}

}  // namespace

void Control::configure(const config::Settings& settings) {
  const config::Monitor& monitor = settings.monitor;
  auto plan = std::make_shared<Plan>();
  plan->watching = !monitor.user.empty();
  plan->options.login = login(settings);
  plan->options.health.sql = monitor.query;
  plan->options.interval = monitor.interval;
  plan->options.timeout = monitor.timeout;
  plan->options.sample_gap = monitor.sample_gap;
  plan->options.senders_interval = settings.cluster.discovery_interval;
  plan->options.budget = monitor.budget;
  bool blind = false;
  bool same = false;
  {
    const Lock lock(mutex_);
    blind = !plan->watching && !std::exchange(told_blind_, !plan->watching) &&
            !config::has_backends(settings);
    same = cluster_ == settings.cluster;
    cluster_ = settings.cluster;
    reducer_.set_options(reducer_options(settings), clock_now());
  }
  if (blind) {
    logger_.log(LogLevel::info,
                "[monitor] has no user: nodes are known by the connections of clients only, and no "
                "standby's position is");
  }
  if (!running_) return apply(std::move(plan));
  loop_.post([this, plan = std::move(plan)] { apply(plan); });
  if (!same) start_patroni(settings.cluster);
}

void Control::start_patroni(const config::Cluster& cluster) {
  patroni_.reset();
  if (cluster.discovery != config::Discovery::patroni) return;
  if (!PatroniPoll::available()) {
    logger_.log(LogLevel::error, "discovery = \"patroni\" needs a build with libcurl");
    return;
  }
  patroni_ = std::make_unique<PatroniPoll>(
      cluster.patroni_urls, cluster.discovery_interval, std::chrono::seconds(2),
      [this, silent = false](Result<std::string> body) mutable {
        auto nodes = body ? found_by_patroni(*body) : Result<std::vector<Found>>(body.error());
        // Once, until it answers again.
        if (!nodes && !std::exchange(silent, true))
          logger_.log(LogLevel::warning,
                      "Patroni does not tell the members: " + nodes.error().message);
        if (!nodes) return;
        silent = false;
        loop_.post([this, list = *std::move(nodes)] { found(list); });
      });
}

std::optional<std::uint32_t> Control::known(const Found& node) const {
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    const cluster::Node& each = nodes_.node(i);
    if (each.host == node.host && each.port == node.port && reducer_.is_listed(i)) return i;
  }
  // One that was here before takes its old place.
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    const cluster::Node& each = nodes_.node(i);
    if (each.host == node.host && each.port == node.port && each.discover) return i;
  }
  return std::nullopt;
}

std::optional<std::uint32_t> Control::admit_node(const Found& node) {
  if (nodes_.size() == cluster::max_nodes) return std::nullopt;
  cluster::Node fresh;
  fresh.name =
      node.name.empty() ? config::to_text(config::Address{node.host, node.port}) : node.name;
  fresh.host = node.host;
  fresh.port = node.port;
  fresh.discover = true;
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_.node(i).name == fresh.name)
      fresh.name = config::to_text(config::Address{node.host, node.port});
  }
  return nodes_.add(std::move(fresh), cluster::Role::unknown);
}

// The members that the cluster names at this moment.
void Control::found(const std::vector<Found>& nodes) {
  const Instant now = clock_now();
  const Lock lock(mutex_);
  std::vector<bool> there(cluster::max_nodes, false);
  for (const Found& node : nodes) {
    auto index = known(node);
    if (!index) index = admit_node(node);
    if (!index) continue;
    there[*index] = true;
    if (!reducer_.is_listed(*index)) reducer_.enlist(*index, cluster::Role::unknown, true, now);
    if (node.role != cluster::Role::unknown) reducer_.told(*index, node.role, now);
  }
  missed_.resize(nodes_.size());
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    // The primary does not stream from itself.
    const bool excused = there[i] || !reducer_.is_discovered(i) || reducer_.primary() == i;
    missed_[i] = excused ? 0 : missed_[i] + 1;
    if (missed_[i] >= rounds_without) reducer_.dismiss(i, now);
  }
}

}  // namespace heim::control
