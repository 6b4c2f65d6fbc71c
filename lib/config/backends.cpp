#include "config/backends.hpp"

#include <algorithm>

#include "config/text.hpp"

namespace heim::config {
namespace {

std::string node_key(std::size_t index, std::string_view key) {
  return "nodes[" + std::to_string(index) + "]." + std::string(key);
}

void check_place(const Node& node, std::size_t index, Report& report) {
  const std::string host = node_key(index, "host"), backend = node_key(index, "backend");
  if (node.host.empty() && node.backend.empty() &&
      !report.failed("nodes[" + std::to_string(index) + "]")) {
    report.conflict({host, backend}, "must be given");
  }
  if (node.backend.empty()) return;
  if (!node.host.empty()) {
    report.conflict({host, backend}, "stands beside backend; a node is the one or the other");
  }
  if (node.role == NodeRole::automatic) {
    report.conflict({node_key(index, "role"), backend},
                    "a backend needs role = \"primary\" or \"standby\": nobody can find it out");
  }
}

/// Mode auto asks the server what a session has become, in PostgreSQL's own terms.
void check_modes(const Settings& settings, Report& report) {
  const auto check = [&](const std::string& key, std::optional<PoolMode> mode) {
    if (mode != PoolMode::automatic) return;
    report.conflict({key},
                    "auto needs PostgreSQL: with a backend, session, transaction or "
                    "statement");
  };
  check("proxy.pool_mode", settings.proxy.pool_mode);
  for (std::size_t i = 0; i < settings.databases.size(); ++i) {
    check("databases[" + std::to_string(i) + "].pool_mode", settings.databases[i].pool_mode);
  }
  for (std::size_t i = 0; i < settings.users.size(); ++i) {
    check("users[" + std::to_string(i) + "].pool_mode", settings.users[i].pool_mode);
  }
}

}  // namespace

bool has_backends(const Settings& settings) {
  return std::ranges::any_of(settings.nodes,
                             [](const Node& node) { return !node.backend.empty(); });
}

void complete_backends(Settings& settings, const Report& report) {
  for (Node& node : settings.nodes) {
    if (node.name.empty()) node.name = node.backend;
  }
  if (!has_backends(settings)) return;
  Proxy& proxy = settings.proxy;
  // What one client leaves in a backend's session, only the backend knows.
  if (!report.given("proxy.pool_mode")) proxy.pool_mode = PoolMode::session;
  // It is in this process: no network loses it.
  if (!report.given("proxy.server_check_query")) proxy.server_check_query.clear();
}

void check_backends(const Settings& settings, Report& report) {
  const bool some = has_backends(settings);
  for (std::size_t i = 0; i < settings.nodes.size(); ++i) {
    const Node& node = settings.nodes[i];
    check_place(node, i, report);
    if (!some || !node.backend.empty() || node.host.empty()) continue;
    report.conflict({node_key(i, "host")},
                    "is a server beside nodes with a backend: nodes are one cluster, and hold the "
                    "same data");
  }
  if (!some) return;
  check_modes(settings, report);
  if (!settings.monitor.user.empty()) {
    report.conflict({"monitor.user"}, "watches by SQL of PostgreSQL's; backends are not watched");
  }
  if (settings.cluster.discovery != Discovery::none) {
    report.conflict({"cluster.discovery"}, "finds PostgreSQL servers; backends are listed");
  }
  if (settings.auth.type == AuthType::relay) {
    report.doubt({"auth.type"},
                 "with no secrets here the servers judge logins, and a backend takes everybody "
                 "that it opens a connection for: set [auth] file, or listen where only friends "
                 "are");
  }
}

}  // namespace heim::config
