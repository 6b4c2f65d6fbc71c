// What an administrator can set, with its defaults: the one schema behind heimproxy.toml and the
// JSON of the C ABI.
//
// A Settings is a value: validated whole, then shared as an immutable snapshot. PgBouncer's names
// are kept where the meaning is the same. Durations of zero mean "no limit" where the comment says
// so.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/secret.hpp"
#include "base/stream.hpp"
#include "config/freshness.hpp"
#include "config/wish.hpp"

namespace heim::config {

using std::chrono::seconds;

enum class PoolMode : std::uint8_t { automatic, session, transaction, statement };
enum class OnUnsupported : std::uint8_t { pin, warn, error };
enum class NodeRole : std::uint8_t { primary, standby, automatic };
enum class Route : std::uint8_t { primary, standby };
/// How clients prove who they are. `relay`: the server itself judges.
enum class AuthType : std::uint8_t { relay, trust, password, md5, scram_sha_256, cert, hba };
/// Where reads go that may run on a standby.
enum class Reads : std::uint8_t { primary, standby };
enum class Balance : std::uint8_t { least_connections, round_robin, latency, random_of_two };
enum class Workload : std::uint8_t { unknown, oltp, analytics, vector };
enum class Temperature : std::uint8_t { frozen, cold, warm, hot };
enum class LogFormat : std::uint8_t { text, json };
/// What a commit waits for.
enum class Coherence : std::uint8_t { push, strict };
/// Where further nodes are learnt from.
enum class Discovery : std::uint8_t { none, replication, patroni };
/// How writes past this proxy are heard of; what becomes of the cache where they are not.
enum class Follow : std::uint8_t { off, wal };
enum class OnLoss : std::uint8_t { bypass, ttl };

/// `[[nodes]]`: a PostgreSQL server, or a backend of this program in its place.
struct Node {
  std::string name;  // default "host:port", or `backend`
  std::string host;  // this, or `backend`
  std::uint16_t port = 5432;
  NodeRole role = NodeRole::automatic;
  std::uint32_t weight = 100;  // of the reads, beside other nodes'
  std::string zone = {};
  std::vector<std::string> tags = {};  // that rules name it by
  std::string backend = {};            // the name that the program gave it

  bool operator==(const Node&) const = default;
};

/// `[[databases]]`: what clients may ask for. Without any, every name is passed on as it is ("*").
struct Database {
  std::string name;    // "*" matches what no other entry matches
  std::string dbname;  // on the server; default: the name asked for
  std::string user;    // on the server; default: the client's
  Secret password;     // with `user`
  Route route = Route::primary;
  std::optional<PoolMode> pool_mode;
  std::optional<std::uint32_t> pool_size, min_pool_size, reserve_pool_size, max_db_connections;
  std::string auth_query;              // overrides [auth]
  std::optional<Freshness> freshness;  // overrides [routing]

  bool operator==(const Database&) const = default;
};

/// `[[users]]`.
struct User {
  std::string name;
  std::optional<PoolMode> pool_mode;
  std::optional<std::uint32_t> pool_size, max_user_connections;
  std::optional<Wish> route;
  std::optional<Freshness> freshness;  // overrides [routing] and the database

  bool operator==(const User&) const = default;
};

/// `[proxy]`
struct Proxy {
  std::vector<std::string> listen_address = {"127.0.0.1:6432"};  // "host:port" each; may be empty
  std::uint16_t listen_port = 6432;  // where listen_address names none, and of the unix socket
  std::string unix_socket_dir;       // empty: none. The socket is DIR/.s.PGSQL.PORT
  std::uint32_t unix_socket_mode = 0777;
  std::string admin_address;  // HTTP: health; empty: none
  std::uint32_t workers = 0;  // 0: half the processors, at least 1
  std::uint32_t listen_backlog = 128;
  std::uint32_t max_client_conn = 1000;
  PoolMode pool_mode = PoolMode::automatic;
  OnUnsupported on_unsupported = OnUnsupported::pin;
  std::uint32_t pool_size = 20;  // alias: default_pool_size
  std::uint32_t min_pool_size = 0;
  std::uint32_t reserve_pool_size = 0;
  std::uint32_t max_db_connections = 0;                 // 0: no limit
  std::uint32_t max_user_connections = 0;               // 0: no limit
  std::uint32_t max_prepared_statements = 200;          // per server connection
  std::uint64_t max_prepared_bytes = 8u << 20;          // per server connection
  std::uint64_t max_client_prepared_bytes = 16u << 20;  // per client
  std::string server_reset_query = "DISCARD ALL";       // session mode, when a client leaves
  bool server_reset_query_always = false;               // also in transaction mode
  std::string server_check_query = "select 1";
  std::vector<std::string> ignore_startup_parameters;
  std::vector<std::string> admin_users;  // console: all commands
  std::vector<std::string> stats_users;  // console: SHOW only
  bool tcp_keepalive = true;
  seconds tcp_keepidle{60};
  seconds tcp_keepintvl{10};
  std::uint32_t tcp_keepcnt = 6;
  std::chrono::milliseconds tcp_user_timeout{0};  // 0: the kernel's

  bool operator==(const Proxy&) const = default;
};

/// `[routing]`: which node serves a read.
struct Routing {
  Reads reads = Reads::standby;
  Freshness freshness;
  Duration replication_lag_window{0};
  Duration freshness_wait = seconds(1);  // of a transaction on a standby
  Balance balance = Balance::least_connections;
  std::string zone;
  bool include_primary = false;

  bool operator==(const Routing&) const = default;
};

/// `[cache]`: answers that are kept and given to others.
struct Cache {
  bool enabled = false;
  std::uint64_t size = 64u << 20;            // of memory, all told
  std::uint64_t max_result_size = 1u << 20;  // larger ones are not kept
  Duration ttl = seconds(3600);              // what was read longer ago is read anew
  Follow follow = Follow::off;               // writes past this proxy
  std::string publication = "heimproxy";     // that is followed
  Duration follow_lag = seconds(1);          // how old an answer may be
  OnLoss on_loss = OnLoss::bypass;           // when that is not kept
  std::string warm_start;                    // file of what was asked; empty: none
  seconds warm_start_interval{60};
  std::uint32_t warm_start_questions = 10'000;
  std::uint32_t prefetch = 0;  // questions a second at most; 0: none

  bool operator==(const Cache&) const = default;
};

/// `[cache.redis]`: how the proxies in front of one cluster keep their caches in step.
struct CacheRedis {
  std::vector<std::string> servers;  // host:port; empty: none
  std::string sentinel;              // what they call the server, if they are Sentinels
  std::string sentinel_user;
  Secret sentinel_password;
  std::string user;
  Secret password;
  std::uint32_t database = 0;
  SslMode tls = SslMode::disable;
  std::string tls_ca_file, tls_cert_file, tls_key_file;
  std::string name_space = "heimproxy";  // of the cluster
  std::string member;                    // this proxy's name; empty: made of host and port
  Coherence coherence = Coherence::push;
  std::chrono::milliseconds lease{500};
  std::chrono::milliseconds interval{8};
  std::chrono::milliseconds timeout{1000};
  seconds forget_after{0};  // 0: never
  // The store of answers that all share.
  bool store = false;
  Secret store_secret;
  bool store_encrypt = false;
  std::uint64_t store_compress_above = 4 << 10;  // bytes; 0: never
  std::chrono::milliseconds store_timeout{5};

  bool operator==(const CacheRedis&) const = default;
};

/// `[[rules]]`: what a statement or a session must be, and what becomes of it then. Empty: is not
/// asked. Of several values in one condition, one must hold; of several conditions, all.
struct RouteRule {
  std::string name;  // default "rules[N]"
  std::vector<std::string> fingerprint;
  std::string regex;  // RE2, of the normal form
  std::vector<std::string> table;
  std::vector<std::string> user, database, application_name;
  std::vector<std::string> client_address;  // an address or a network, "10.0.0.0/8"
  std::optional<Workload> workload;
  std::optional<Temperature> temperature;
  // What becomes of it.
  std::optional<Wish> route;
  std::optional<Freshness> freshness;
  std::vector<std::string> nodes;  // their names or tags
  bool log = false;
  // What becomes of its answer, where answers are kept.
  std::optional<bool> cache;  // not set: as it pays
  std::optional<Duration> cache_ttl;
  std::optional<std::uint64_t> cache_max_result_size;
  bool cache_row_security = false;
  Duration stale_while_revalidate{0};

  bool operator==(const RouteRule&) const = default;
};

/// `[timeouts]`
struct Timeouts {
  Duration client_login_timeout = seconds(60);
  Duration client_idle_timeout = seconds(0);       // 0: none
  Duration idle_transaction_timeout = seconds(0);  // 0: none
  Duration query_timeout = seconds(0);             // 0: none
  Duration query_wait_timeout = seconds(120);      // 0: none
  Duration reserve_pool_timeout = seconds(5);
  Duration server_connect_timeout = seconds(15);
  Duration server_login_retry = seconds(15);
  Duration server_idle_timeout = seconds(600);  // 0: none
  Duration server_lifetime = seconds(3600);     // 0: none
  Duration server_check_delay = seconds(30);
  Duration cancel_wait_timeout = seconds(10);
  Duration abandon_timeout = seconds(5);  // to roll back what a vanished client left

  bool operator==(const Timeouts&) const = default;
};

/// `[auth]`
struct Auth {
  AuthType type = AuthType::relay;
  std::string file;    // userlist
  std::string query;   // e.g. SELECT usename, passwd FROM pg_shadow WHERE usename = $1
  std::string user;    // who runs it
  std::string dbname;  // where; default: the database asked for
  std::string hba_file;
  Duration cache_ttl = seconds(30);  // how long an answer of `query` is believed

  bool operator==(const Auth&) const = default;
};

/// `[client_tls]`: towards clients.
struct ClientTls {
  SslMode mode = SslMode::disable;  // verify_ca and verify_full want a certificate of the client
  std::string cert_file, key_file, ca_file;
  std::string ciphers;  // TLS 1.2; empty: OpenSSL's default
  std::string min_version = "TLSv1.2";

  bool operator==(const ClientTls&) const = default;
};

/// `[server_tls]`: towards servers.
struct ServerTls {
  SslMode mode = SslMode::prefer;
  std::string ca_file, cert_file, key_file;
  std::string ciphers;
  std::string min_version = "TLSv1.2";

  bool operator==(const ServerTls&) const = default;
};

/// `[log]`
struct Log {
  LogFormat format = LogFormat::text;
  std::string level = "info";  // debug, info, warning, error
  bool connections = true;     // clients that come and go
  bool disconnections = true;

  bool operator==(const Log&) const = default;
};

/// `[cluster]`
struct Cluster {
  Discovery discovery = Discovery::none;
  std::string standby_address = "{client_addr}:5432";  // of what pg_stat_replication shows
  std::vector<std::string> patroni_urls;
  Duration discovery_interval = seconds(5);

  bool operator==(const Cluster&) const = default;
};

/// `[monitor]`: how nodes are watched. Without `user` they are not.
struct Monitor {
  std::string user;
  Secret password;
  std::string dbname = "postgres";
  std::string query;  // beside the built-in probe
  Duration interval = std::chrono::milliseconds(200);
  Duration timeout = std::chrono::milliseconds(350);
  std::uint32_t failures = 2;
  std::uint32_t recoveries = 2;
  Duration slow_start = seconds(10);
  Duration sample_gap = std::chrono::milliseconds(1);
  std::uint32_t budget = 1;  // percent

  bool operator==(const Monitor&) const = default;
};

/// `[failover]`: what waits while no node can serve it.
struct Failover {
  Duration hold_timeout = seconds(30);  // 0: it does not wait
  std::uint32_t hold_max_clients = 10'000;
  std::uint64_t hold_max_bytes = 64 << 20;
  std::uint32_t release_concurrency = 16;

  bool operator==(const Failover&) const = default;
};

/// `[breaker]`: the circuit breaker of each node.
struct Breaker {
  Duration window = seconds(10);
  std::uint32_t minimum = 20;
  std::uint32_t threshold = 50;  // percent
  std::uint32_t factor = 3;
  Duration rest = seconds(1);
  Duration longest_rest = seconds(30);
  std::uint32_t trial = 5;

  bool operator==(const Breaker&) const = default;
};

struct Settings {
  Proxy proxy;
  Timeouts timeouts;
  Auth auth;
  ClientTls client_tls;
  ServerTls server_tls;
  Log log;
  Cluster cluster;
  Monitor monitor;
  Breaker breaker;
  Failover failover;
  std::vector<Node> nodes;
  std::vector<Database> databases;
  std::vector<User> users;
  Routing routing;
  Cache cache;
  CacheRedis cache_redis;
  std::vector<RouteRule> rules;

  bool operator==(const Settings&) const = default;
};

using Snapshot = std::shared_ptr<const Settings>;

}  // namespace heim::config
