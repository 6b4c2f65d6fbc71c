#include "config/validate.hpp"

#include <algorithm>
#include <map>

#include "config/address.hpp"
#include "config/backends.hpp"
#include "config/text.hpp"
#include "config/words.hpp"

namespace heim::config {
namespace {

constexpr std::uint16_t default_admin_port = 9090;
std::uint16_t default_port(const CacheRedis& redis) {
  return redis.sentinel.empty() ? 6379 : 26379;
}

std::string item(std::string_view list, std::size_t index, std::string_view key) {
  return std::string(list) + "[" + std::to_string(index) + "]." + std::string(key);
}

std::string line_of(const std::string& key, const Report& report) {
  return "line " + std::to_string(report.where(key).line);
}

void add_port(std::string& address, std::uint16_t port) {
  if (const auto parsed = parse_address(address, port)) address = to_text(*parsed);
}

bool asks_database(const Settings& settings) {
  return !settings.auth.query.empty() ||
         std::ranges::any_of(settings.databases,
                             [](const Database& each) { return !each.auth_query.empty(); });
}

// ---- nodes, and names that must be unique

template <class Entry>
void check_names(std::string_view list, const std::vector<Entry>& entries, Report& report) {
  std::map<std::string_view, std::size_t> seen;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].name.empty()) continue;  // reported where it was read
    const auto [at, is_new] = seen.emplace(entries[i].name, i);
    if (is_new) continue;
    report.conflict({item(list, i, "name")}, quoted(entries[i].name) + " is also the name in " +
                                                 line_of(item(list, at->second, "name"), report));
  }
}

void check_node_places(const std::vector<Node>& nodes, Report& report) {
  std::map<std::pair<std::string_view, std::uint16_t>, std::size_t> seen;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i].host.empty()) continue;
    const auto [at, is_new] =
        seen.emplace(std::pair(std::string_view(nodes[i].host), nodes[i].port), i);
    if (is_new) continue;
    report.conflict(
        {item("nodes", i, "host"), item("nodes", i, "port")},
        "the same server is also in " + line_of(item("nodes", at->second, "host"), report));
  }
}

void check_roles(const Settings& settings, Report& report) {
  const auto& nodes = settings.nodes;
  std::optional<std::size_t> primary;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i].role != NodeRole::primary) continue;
    if (primary) {
      report.conflict({item("nodes", i, "role")},
                      "a cluster has one primary, and " + quoted(nodes[*primary].name) +
                          " is it; role = \"auto\" finds out which one it is now");
    }
    if (!primary) primary = i;
  }
  const auto has = [&](NodeRole role) {
    return std::ranges::any_of(nodes, [role](const Node& node) { return node.role == role; });
  };
  if (nodes.empty() || has(NodeRole::automatic)) return;
  if (!primary) report.doubt({"nodes[0].role"}, "no node can be the primary: writes have no place");
  if (has(NodeRole::standby)) return;
  for (std::size_t i = 0; i < settings.databases.size(); ++i) {
    if (settings.databases[i].route != Route::standby) continue;
    report.doubt({item("databases", i, "route")},
                 "there is no standby: the primary serves this database");
  }
}

/// A node that is this proxy itself would connect in a circle.
void check_circle(const Settings& settings, Report& report) {
  for (std::size_t i = 0; i < settings.nodes.size(); ++i) {
    const Node& node = settings.nodes[i];
    for (const std::string& text : settings.proxy.listen_address) {
      const auto listen = parse_address(text, settings.proxy.listen_port);
      if (!listen || listen->port != node.port) continue;
      const bool ours =
          listen->host == node.host ||
          (is_loopback(node.host) && (is_loopback(listen->host) || listen->host == "0.0.0.0"));
      if (!ours) continue;
      report.conflict({item("nodes", i, "host"), item("nodes", i, "port"), "proxy.listen_address"},
                      "this is where the proxy itself listens (" + text + ")");
    }
  }
}

void check_nodes(const Settings& settings, Report& report) {
  if (settings.nodes.empty() && settings.cluster.discovery != Discovery::patroni) {
    report.conflict({"nodes"}, "at least one server is needed: [[nodes]] with host = \"...\"");
  }
  check_names("nodes", settings.nodes, report);
  check_names("databases", settings.databases, report);
  check_names("users", settings.users, report);
  check_node_places(settings.nodes, report);
  check_roles(settings, report);
  check_circle(settings, report);
}

// ---- where we listen

bool same_socket(const Address& a, const Address& b) {
  const bool same_family =
      (a.host.find(':') == std::string::npos) == (b.host.find(':') == std::string::npos);
  const auto any = [](const Address& each) { return each.host == "0.0.0.0" || each.host == "::"; };
  return a.port == b.port && (a.host == b.host || (same_family && (any(a) || any(b))));
}

std::vector<Address> listen_addresses(const Settings& settings) {
  std::vector<Address> out;
  for (const std::string& text : settings.proxy.listen_address) {
    if (auto address = parse_address(text, settings.proxy.listen_port)) out.push_back(*address);
  }
  return out;
}

void check_sockets(const Settings& settings, Report& report) {
  const Proxy& proxy = settings.proxy;
  const auto addresses = listen_addresses(settings);
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      if (!same_socket(addresses[i], addresses[k])) continue;
      report.conflict({"proxy.listen_address"},
                      to_text(addresses[i]) + " is taken by " + to_text(addresses[k]));
    }
  }
  const auto admin = parse_address(proxy.admin_address, default_admin_port);
  for (const Address& address : addresses) {
    if (!admin || !same_socket(*admin, address)) continue;
    report.conflict({"proxy.admin_address", "proxy.listen_address"},
                    to_text(*admin) + " is taken by listen_address " + to_text(address));
  }
  constexpr std::size_t longest = 107 - std::string_view("/.s.PGSQL.65535").size();
  if (proxy.unix_socket_dir.size() > longest) {
    report.conflict({"proxy.unix_socket_dir"}, "longer than the " + std::to_string(longest) +
                                                   " bytes that a socket's path "
                                                   "leaves for it");
  }
  if (addresses.empty() && proxy.unix_socket_dir.empty()) {
    report.doubt({"proxy.listen_address"},
                 "nothing listens, as there is no unix_socket_dir either: only the program that "
                 "holds this engine can use it");
  }
}

/// The addresses that other machines can reach.
std::string open_addresses(const Settings& settings) {
  std::vector<std::string> open;
  for (const Address& address : listen_addresses(settings)) {
    if (!is_loopback(address.host)) open.push_back(to_text(address));
  }
  return join(open, ", ");
}

void warn_of_open_doors(const Settings& settings, Report& report) {
  const std::string open = open_addresses(settings);
  const bool no_tls = settings.client_tls.mode == SslMode::disable;
  if (!open.empty() && settings.auth.type == AuthType::trust) {
    report.doubt({"auth.type"}, "whoever can reach " + open +
                                    " can log in as any user without a password; use "
                                    "scram-sha-256, or listen on 127.0.0.1 only");
  }
  if (!open.empty() && no_tls) {
    const bool relay = settings.auth.type == AuthType::relay;
    report.doubt(
        {"proxy.listen_address", "client_tls.mode", "auth.type"},
        open +
            " takes clients from other machines without TLS: on the way, others can read and "
            "change what is sent" +
            (relay ? "; with no secrets here, the server itself judges each login, so its "
                     "pg_hba.conf sees this proxy's address for all clients"
                   : "") +
            ". Set [client_tls] mode, cert_file and key_file, or listen on 127.0.0.1 only");
  }
  const auto admin = parse_address(settings.proxy.admin_address, default_admin_port);
  if (admin && !is_loopback(admin->host)) {
    report.doubt({"proxy.admin_address"},
                 "whoever can reach " + to_text(*admin) +
                     " can read the health and the figures of this proxy; a firewall or "
                     "127.0.0.1 keeps them inside");
  }
}

// ---- logins

void check_secrets(const Settings& settings, Report& report) {
  const Auth& auth = settings.auth;
  const bool wants_secret = auth.type == AuthType::password || auth.type == AuthType::md5 ||
                            auth.type == AuthType::scram_sha_256;
  if (wants_secret && auth.file.empty() && !asks_database(settings)) {
    report.conflict({"auth.type", "auth.file", "auth.query"},
                    "type = " + quoted(to_text(auth.type)) +
                        " needs users' secrets: set file or query (type = \"relay\" lets the "
                        "server judge)");
  }
  if (auth.type == AuthType::hba && auth.hba_file.empty()) {
    report.conflict({"auth.type", "auth.hba_file"}, "type = \"hba\" needs hba_file");
  }
  if (auth.type != AuthType::hba && !auth.hba_file.empty()) {
    report.doubt({"auth.hba_file", "auth.type"},
                 "is read only with type = \"hba\", and type is " + quoted(to_text(auth.type)));
  }
  const SslMode mode = settings.client_tls.mode;
  if (auth.type == AuthType::cert && mode != SslMode::verify_ca && mode != SslMode::verify_full) {
    report.conflict({"auth.type", "client_tls.mode"},
                    "type = \"cert\" needs [client_tls] mode = \"verify-full\" or \"verify-ca\"");
  }
}

void check_auth_query(const Settings& settings, Report& report) {
  const Auth& auth = settings.auth;
  if (!auth.user.empty() && !asks_database(settings)) {
    report.doubt({"auth.user", "auth.query"}, "does nothing without query");
  }
  if (!auth.user.empty()) return;
  if (!auth.query.empty()) {
    report.conflict({"auth.query", "auth.user"}, "needs user: who runs it");
  }
  for (std::size_t i = 0; i < settings.databases.size(); ++i) {
    if (settings.databases[i].auth_query.empty()) continue;
    report.conflict({item("databases", i, "auth_query"), "auth.user"},
                    "needs user in [auth]: who runs it");
  }
}

// ---- TLS

/// What both sides have in common. `section` is "client_tls" or "server_tls".
template <class Tls>
void check_tls(const std::string& section, const Tls& tls, Report& report) {
  const std::string mode = section + ".mode", cert = section + ".cert_file",
                    key = section + ".key_file", ca = section + ".ca_file";
  if (tls.cert_file.empty() != tls.key_file.empty()) {
    report.conflict({cert, key}, "cert_file and key_file go together");
  }
  const bool verifies = tls.mode == SslMode::verify_ca || tls.mode == SslMode::verify_full;
  if (verifies && tls.ca_file.empty()) {
    report.conflict({mode, ca}, "mode = " + quoted(to_text(tls.mode)) +
                                    " needs ca_file: whose signature to believe");
  }
  const bool files = !tls.cert_file.empty() || !tls.key_file.empty() || !tls.ca_file.empty();
  if (tls.mode == SslMode::disable && files) {
    report.doubt({mode, cert, key, ca}, "TLS is off (mode = \"disable\"): the files are not used");
  }
}

void check_client_tls(const ClientTls& tls, Report& report) {
  check_tls("client_tls", tls, report);
  if (tls.mode != SslMode::disable && tls.cert_file.empty() && tls.key_file.empty()) {
    report.conflict({"client_tls.mode", "client_tls.cert_file", "client_tls.key_file"},
                    "mode = " + quoted(to_text(tls.mode)) + " needs cert_file and key_file");
  }
}

// ---- the cluster

void check_cluster(const Settings& settings, Report& report) {
  const Cluster& cluster = settings.cluster;
  const Monitor& monitor = settings.monitor;
  if (cluster.discovery == Discovery::patroni && cluster.patroni_urls.empty())
    report.conflict({"cluster.discovery", "cluster.patroni_urls"}, "needs patroni_urls");
  if (cluster.discovery == Discovery::replication && monitor.user.empty()) {
    report.conflict({"cluster.discovery", "monitor.user"},
                    "\"replication\" needs [monitor] user: who asks the primary");
  }
  if (settings.cache.follow == Follow::wal && monitor.user.empty())
    report.conflict({"cache.follow", "monitor.user"},
                    "\"wal\" needs [monitor] user: who reads the log, with REPLICATION");
  if (monitor.user.empty() && !monitor.password.empty())
    report.conflict({"monitor.password", "monitor.user"}, "goes with user: whose password is it?");
  if (settings.breaker.longest_rest < settings.breaker.rest)
    report.conflict({"breaker.longest_rest", "breaker.rest"}, "is less than rest");
}

// ---- pools

void check_pool_sizes(const Settings& settings, Report& report) {
  const Proxy& proxy = settings.proxy;
  const auto check = [&](std::string min_key, std::string size_key, std::string max_key,
                         std::uint32_t min, std::uint32_t size, std::uint32_t max) {
    if (min > size) {
      report.conflict({min_key, size_key}, "min_pool_size (" + std::to_string(min) +
                                               ") is more than pool_size (" + std::to_string(size) +
                                               ")");
    }
    if (max > 0 && max < size) {
      report.doubt({max_key, size_key}, "max_db_connections (" + std::to_string(max) +
                                            ") is less than pool_size (" + std::to_string(size) +
                                            "), which no pool can reach");
    }
  };
  check("proxy.min_pool_size", "proxy.pool_size", "proxy.max_db_connections", proxy.min_pool_size,
        proxy.pool_size, proxy.max_db_connections);
  for (std::size_t i = 0; i < settings.databases.size(); ++i) {
    const Database& each = settings.databases[i];
    if (!each.pool_size && !each.min_pool_size && !each.max_db_connections) continue;
    check(item("databases", i, "min_pool_size"), item("databases", i, "pool_size"),
          item("databases", i, "max_db_connections"),
          each.min_pool_size.value_or(proxy.min_pool_size),
          each.pool_size.value_or(proxy.pool_size),
          each.max_db_connections.value_or(proxy.max_db_connections));
  }
}

void check_pools(const Settings& settings, Report& report) {
  const Proxy& proxy = settings.proxy;
  check_pool_sizes(settings, report);
  if (settings.timeouts.reserve_pool_timeout.count() == 0 && proxy.reserve_pool_size > 0) {
    report.doubt({"timeouts.reserve_pool_timeout", "proxy.reserve_pool_size"},
                 "0 opens the reserve at once (in PgBouncer it switches it off; here "
                 "reserve_pool_size = 0 does)");
  }
  if (proxy.server_reset_query.empty() && proxy.pool_mode == PoolMode::session) {
    report.doubt({"proxy.server_reset_query"},
                 "empty in session mode: what a client sets (SET, temporary tables, LISTEN) is "
                 "left for the next client");
  }
  for (std::size_t i = 0; i < settings.databases.size(); ++i) {
    const Database& each = settings.databases[i];
    if (each.password.empty() || !each.user.empty()) continue;
    report.conflict({item("databases", i, "password"), item("databases", i, "user")},
                    "goes with user: whose password is it?");
  }
}

// ---- rules

bool asks_nothing(const RouteRule& rule) {
  return rule.fingerprint.empty() && rule.regex.empty() && rule.table.empty() &&
         rule.user.empty() && rule.database.empty() && rule.application_name.empty() &&
         rule.client_address.empty() && !rule.workload && !rule.temperature;
}

bool does_nothing(const RouteRule& rule) {
  const bool caches = rule.cache || rule.cache_ttl || rule.cache_max_result_size ||
                      rule.cache_row_security || rule.stale_while_revalidate > Duration(0);
  return !rule.route && !rule.freshness && rule.nodes.empty() && !rule.log && !caches;
}

void check_rules(const Settings& settings, Report& report) {
  constexpr std::size_t most = 64;
  const auto& rules = settings.rules;
  if (rules.size() > most) {
    report.conflict({"rules"}, "there are " + std::to_string(rules.size()) +
                                   " rules, and at most " + std::to_string(most) + " are taken");
  }
  check_names("rules", rules, report);
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (asks_nothing(rules[i]) && i + 1 < rules.size()) {
      report.doubt({item("rules", i, "name")},
                   "asks nothing, so it holds for all: rules behind it are never reached");
    }
    if (does_nothing(rules[i])) {
      report.doubt({item("rules", i, "name")},
                   "does nothing: set route, freshness, nodes, log or cache");
    }
  }
}

void check_cache_redis(const Settings& settings, Report& report) {
  const CacheRedis& redis = settings.cache_redis;
  if (redis.servers.empty()) {
    if (!report.given("cache.redis")) return;
    return report.doubt({"cache.redis.servers", "cache.redis"}, "does nothing without servers");
  }
  for (const std::string& server : redis.servers) {
    if (parse_address(server, default_port(redis))) continue;
    report.conflict({"cache.redis.servers"}, quoted(server) + " is not host:port");
  }
  if (!settings.cache.enabled) {
    report.doubt({"cache.redis.servers"}, "does nothing without [cache] enabled = true");
  }
  if (redis.lease < 4 * redis.interval) {
    report.conflict({"cache.redis.lease", "cache.redis.interval"},
                    "the lease must be four times the interval or more: else it lapses again and "
                    "again");
  }
  if (redis.store && redis.store_secret.empty()) {
    report.conflict(
        {"cache.redis.store"},
        "store_secret has to be set, too: whoever can write to Redis could answer else");
  }
  if (redis.store && settings.monitor.user.empty()) {
    report.doubt(
        {"cache.redis.store"},
        "does nothing without [monitor] user: which primary an answer is of has to be known");
  }
  if (redis.store && settings.cache.follow == Follow::wal) {
    report.doubt({"cache.redis.store"},
                 "is not used with [cache] follow: of writes past the proxies, nobody could tell "
                 "what an answer there lacks");
  }
  if (redis.tls_cert_file.empty() == redis.tls_key_file.empty()) return;
  report.conflict({"cache.redis.tls_cert_file", "cache.redis.tls_key_file"},
                  "a certificate and its key go together");
}

}  // namespace

void complete(Settings& settings, const Report& report) {
  Proxy& proxy = settings.proxy;
  if (!report.given("proxy.listen_address")) proxy.listen_address = {"127.0.0.1"};
  for (std::string& address : proxy.listen_address) add_port(address, proxy.listen_port);
  add_port(proxy.admin_address, default_admin_port);
  CacheRedis& redis = settings.cache_redis;
  for (std::string& server : redis.servers) add_port(server, default_port(redis));
  for (Node& node : settings.nodes) {
    if (node.name.empty() && !node.host.empty()) node.name = to_text(Address{node.host, node.port});
  }
  complete_backends(settings, report);
  for (std::size_t i = 0; i < settings.rules.size(); ++i) {
    if (settings.rules[i].name.empty()) settings.rules[i].name = "rules[" + std::to_string(i) + "]";
  }
  Auth& auth = settings.auth;
  if (report.given("auth.type")) return;
  if (!auth.hba_file.empty()) {
    auth.type = AuthType::hba;
  } else if (!auth.file.empty() || asks_database(settings)) {
    auth.type = AuthType::scram_sha_256;
  }
}

void validate(const Settings& settings, Report& report) {
  check_nodes(settings, report);
  check_sockets(settings, report);
  warn_of_open_doors(settings, report);
  check_secrets(settings, report);
  check_auth_query(settings, report);
  check_client_tls(settings.client_tls, report);
  check_tls("server_tls", settings.server_tls, report);
  check_cluster(settings, report);
  check_pools(settings, report);
  check_rules(settings, report);
  check_backends(settings, report);
  check_cache_redis(settings, report);
}

}  // namespace heim::config
