#include "config/schema.hpp"

#include "config/schema_cache.hpp"
#include "config/schema_key.hpp"

namespace heim::config {
namespace {

constexpr std::string_view socket_why = "its socket is opened once, at the start";

constexpr Key proxy_keys[] = {
    key<&Proxy::listen_address>("listen_address", "listen_addr", is(Form::address),
                                "Where clients connect: a list, or one text with commas. "
                                "`:6432` and `*:6432` mean every IPv4 address; write `[::]:6432` "
                                "for IPv6. May be empty.")
        .fixed(socket_why),
    key<&Proxy::listen_port>("listen_port", "", port,
                             "The port of a `listen_address` without one, and of the unix socket.")
        .fixed(socket_why),
    key<&Proxy::unix_socket_dir>("unix_socket_dir", "", is(Form::path),
                                 "The directory of the unix socket, `DIR/.s.PGSQL.PORT`. "
                                 "Empty: no unix socket.")
        .fixed(socket_why),
    key<&Proxy::unix_socket_mode>("unix_socket_mode", "", is(Form::octal),
                                  "The file mode of the unix socket.")
        .fixed(socket_why),
    key<&Proxy::admin_address>("admin_address", "", is(Form::address),
                               "Where HTTP answers: health checks; invalidation of the cache, on a "
                               "loopback address. Empty: nowhere.")
        .fixed(socket_why),
    key<&Proxy::workers>("workers", "", range(0, 1024),
                         "Threads that serve clients. 0: half the processors, at least 1.")
        .fixed("a client lives on one thread from its first byte to its last"),
    key<&Proxy::listen_backlog>("listen_backlog", "", range(1, 65535),
                                "Connections that the kernel keeps until they are accepted.")
        .fixed(socket_why),
    key<&Proxy::max_client_conn>("max_client_conn", "", positive,
                                 "Client connections at one time; the next one gets SQLSTATE "
                                 "53300."),
    key<&Proxy::pool_mode>(
        "pool_mode", "", any,
        "When a server connection goes back to its pool. auto: after each "
        "transaction, unless it holds what cannot be moved, with the session's "
        "settings following the client. session: when the client leaves; "
        "it has one from its login on. transaction, statement: after each, and settings are lost."),
    key<&Proxy::on_unsupported>("on_unsupported", "", any,
                                "In mode auto, what becomes of a client that does what cannot be "
                                "moved to another server. pin: it keeps its server as long as "
                                "that is there. warn: likewise, and it is told. error: the "
                                "statement is refused, or the session ends if it ran already."),
    key<&Proxy::pool_size>("pool_size", "default_pool_size", positive,
                           "Server connections of one database and user on one node."),
    key<&Proxy::min_pool_size>("min_pool_size", "", count,
                               "Server connections kept open even when nobody needs them."),
    key<&Proxy::reserve_pool_size>("reserve_pool_size", "", count,
                                   "Further server connections for a pool whose clients have "
                                   "waited for `reserve_pool_timeout`."),
    key<&Proxy::max_db_connections>("max_db_connections", "", count,
                                    "Server connections of one database, over all users. "
                                    "0: no limit."),
    key<&Proxy::max_user_connections>("max_user_connections", "", count,
                                      "Server connections of one user, over all databases. "
                                      "0: no limit."),
    key<&Proxy::max_prepared_statements>(
        "max_prepared_statements", "", count,
        "Prepared statements kept on one server connection, beside the one in use."),
    key<&Proxy::max_prepared_bytes>("max_prepared_bytes", "", positive_bytes,
                                    "Bytes of prepared statements kept on one server connection."),
    key<&Proxy::max_client_prepared_bytes>("max_client_prepared_bytes", "", positive_bytes,
                                           "Bytes of prepared statements that one client may "
                                           "hold."),
    key<&Proxy::server_reset_query>("server_reset_query", "", is(Form::sql),
                                    "Runs in session mode before a server connection goes to the "
                                    "next client. Empty: none."),
    key<&Proxy::server_reset_query_always>("server_reset_query_always", "", any,
                                           "Run `server_reset_query` in the other pool modes "
                                           "too."),
    key<&Proxy::server_check_query>("server_check_query", "", is(Form::sql),
                                    "Runs on a server connection that has been idle for "
                                    "`server_check_delay`, to see whether it "
                                    "still lives. Empty: no check."),
    key<&Proxy::ignore_startup_parameters>("ignore_startup_parameters", "", is(Form::name),
                                           "Startup parameters of clients that are taken and "
                                           "dropped."),
    key<&Proxy::admin_users>("admin_users", "", is(Form::name),
                             "Users who may run every command of the console."),
    key<&Proxy::stats_users>("stats_users", "", is(Form::name),
                             "Users who may run the console's SHOW commands."),
    key<&Proxy::tcp_keepalive>("tcp_keepalive", "", any,
                               "Let the kernel probe silent TCP connections."),
    key<&Proxy::tcp_keepidle>("tcp_keepidle", "", range(s, 32767 * s),
                              "Silence before the first probe."),
    key<&Proxy::tcp_keepintvl>("tcp_keepintvl", "", range(s, 32767 * s), "Between two probes."),
    key<&Proxy::tcp_keepcnt>("tcp_keepcnt", "", range(1, 127),
                             "Unanswered probes that end the connection."),
    key<&Proxy::tcp_user_timeout>("tcp_user_timeout", "", range(0, 86'400 * s),
                                  "How long sent bytes may stay unacknowledged. 0: the kernel's "
                                  "own rule. A bare number is milliseconds here, as in "
                                  "PgBouncer."),
};

constexpr Key timeouts_keys[] = {
    key<&Timeouts::client_login_timeout>("client_login_timeout", "", positive_duration,
                                         "From a client's first byte to the end of its login. Not "
                                         "while it waits for its server in session mode: see "
                                         "query_wait_timeout."),
    key<&Timeouts::client_idle_timeout>("client_idle_timeout", "", duration_or_none,
                                        "A client that sends nothing for this long outside a "
                                        "transaction is closed. 0: never."),
    key<&Timeouts::idle_transaction_timeout>("idle_transaction_timeout", "", duration_or_none,
                                             "A client that sends nothing for this long inside a "
                                             "transaction is closed. 0: never."),
    key<&Timeouts::query_timeout>("query_timeout", "", duration_or_none,
                                  "A query that runs longer is cancelled. 0: never."),
    key<&Timeouts::query_wait_timeout>("query_wait_timeout", "", duration_or_none,
                                       "How long a query, in session mode a login, waits for a "
                                       "server connection before it fails. 0: without end."),
    key<&Timeouts::reserve_pool_timeout>("reserve_pool_timeout", "", duration_or_none,
                                         "How long clients wait before the reserve is opened. 0: "
                                         "at once."),
    key<&Timeouts::server_connect_timeout>("server_connect_timeout", "", positive_duration,
                                           "To connect and log in to a server."),
    key<&Timeouts::server_login_retry>("server_login_retry", "", duration_or_none,
                                       "Rest for a server that refused a connection or a login."),
    key<&Timeouts::server_idle_timeout>("server_idle_timeout", "", duration_or_none,
                                        "A server connection that nobody used for this long is "
                                        "closed. 0: never."),
    key<&Timeouts::server_lifetime>("server_lifetime", "", duration_or_none,
                                    "A server connection older than this is closed when it is "
                                    "free. 0: never."),
    key<&Timeouts::server_check_delay>(
        "server_check_delay", "", duration_or_none,
        "How long a server connection is idle before it is checked, and between two checks. "
        "0: never."),
    key<&Timeouts::cancel_wait_timeout>("cancel_wait_timeout", "", positive_duration,
                                        "How long a cancel request waits for its turn."),
    key<&Timeouts::abandon_timeout>("abandon_timeout", "", positive_duration,
                                    "To roll back what a vanished client left open; then the "
                                    "server connection is closed."),
};

constexpr Key auth_keys[] = {
    key<&Auth::type>("type", "auth_type", any,
                     "How clients prove who they are. `relay`: the server itself judges. Not set: "
                     "`hba` with `hba_file`, else `scram-sha-256` with `file` or `query`, else "
                     "`relay`."),
    key<&Auth::file>("file", "auth_file", is(Form::path),
                     "Users and their secrets, as in PgBouncer's userlist.txt."),
    key<&Auth::query>("query", "auth_query", is(Form::sql),
                      "Asks a server for a user's secret; $1 is the user's name. For example "
                      "`SELECT usename, passwd FROM pg_shadow WHERE usename = $1`."),
    key<&Auth::user>("user", "auth_user", any, "Who runs `query`; its secret comes from `file`."),
    key<&Auth::dbname>("dbname", "auth_dbname", any,
                       "Where `query` runs. Empty: in the database asked for."),
    key<&Auth::hba_file>("hba_file", "auth_hba_file", is(Form::path),
                         "Rules like those of pg_hba.conf, for `type = \"hba\"`."),
    key<&Auth::cache_ttl>("cache_ttl", "", duration_or_none,
                          "How long an answer of `query` is believed."),
};

constexpr Key client_tls_keys[] = {
    key<&ClientTls::mode>("mode", "client_tls_sslmode", any,
                          "Whether clients may or must use TLS; `verify-*` also want their "
                          "certificates."),
    key<&ClientTls::cert_file>("cert_file", "client_tls_cert_file", is(Form::path),
                               "Our certificate and its chain (PEM)."),
    key<&ClientTls::key_file>("key_file", "client_tls_key_file", is(Form::path),
                              "Its private key (PEM)."),
    key<&ClientTls::ca_file>("ca_file", "client_tls_ca_file", is(Form::path),
                             "Who signs clients' certificates (PEM)."),
    key<&ClientTls::ciphers>("ciphers", "client_tls_ciphers", any,
                             "OpenSSL's list for TLS 1.2. Empty: OpenSSL's default."),
    key<&ClientTls::min_version>("min_version", "", is(Form::tls_version),
                                 "The oldest version taken."),
};

constexpr Key server_tls_keys[] = {
    key<&ServerTls::mode>("mode", "server_tls_sslmode", any,
                          "libpq's sslmode, towards the servers."),
    key<&ServerTls::ca_file>("ca_file", "server_tls_ca_file", is(Form::path),
                             "Who signs the servers' certificates (PEM)."),
    key<&ServerTls::cert_file>("cert_file", "server_tls_cert_file", is(Form::path),
                               "Our certificate, for servers that want one (PEM)."),
    key<&ServerTls::key_file>("key_file", "server_tls_key_file", is(Form::path),
                              "Its private key (PEM)."),
    key<&ServerTls::ciphers>("ciphers", "server_tls_ciphers", any,
                             "OpenSSL's list for TLS 1.2. Empty: OpenSSL's default."),
    key<&ServerTls::min_version>("min_version", "", is(Form::tls_version),
                                 "The oldest version taken."),
};

constexpr Key log_keys[] = {
    key<&Log::format>("format", "", any, "Lines for people, or one JSON object a line."),
    key<&Log::level>("level", "", is(Form::log_level), "The least important lines written."),
    key<&Log::connections>("connections", "log_connections", any, "A line for each login."),
    key<&Log::disconnections>("disconnections", "log_disconnections", any,
                              "A line for each client that leaves, with the reason."),
};

constexpr Key cluster_keys[] = {
    key<&Cluster::discovery>("discovery", "", any,
                             "Where further nodes are learnt from. replication: the primary's "
                             "pg_stat_replication. patroni: its REST API. What is found is watched "
                             "like a node with `role = \"auto\"`, and leaves when it is not named "
                             "any more."),
    key<&Cluster::standby_address>("standby_address", "", is(Form::name),
                                   "Where a standby of pg_stat_replication listens. Known: "
                                   "`{client_addr}`, `{client_hostname}`, `{application_name}`."),
    key<&Cluster::patroni_urls>("patroni_urls", "", any,
                                "Of Patroni's REST API, such as `http://10.0.0.1:8008`: the first "
                                "that answers counts."),
    key<&Cluster::discovery_interval>("discovery_interval", "", positive_duration,
                                      "How often the cluster is asked."),
};

constexpr Key monitor_keys[] = {
    key<&Monitor::user>("user", "", any,
                        "Who watches the nodes; a member of pg_monitor sees all there is to see. "
                        "Empty: nobody does, and nodes are known by clients' connections only."),
    key<&Monitor::password>("password", "", any, "The password of `user`."),
    key<&Monitor::dbname>("dbname", "", is(Form::name), "The database it logs in to."),
    key<&Monitor::query>(
        "query", "", is(Form::sql),
        "Also asked at each probe: a node is unhealthy where it fails, is false or "
        "returns no row. Empty: none."),
    key<&Monitor::interval>("probe_interval", "", range(10 * ms, 3600 * s), "Between two probes."),
    key<&Monitor::timeout>("probe_timeout", "", range(10 * ms, 3600 * s),
                           "Silence that counts as a failure, also while connecting. An interval "
                           "and `failures` of these bound how long a silent node goes unnoticed."),
    key<&Monitor::failures>("failures", "", range(1, 100), "In a row that make a node down."),
    key<&Monitor::recoveries>("recoveries", "", range(1, 100), "Answers in a row that end it."),
    key<&Monitor::slow_start>("slow_start", "", duration_or_none,
                              "How long a node that comes back has less than its share of reads, "
                              "from 5 % on. 0: none."),
    key<&Monitor::sample_gap>("sample_gap", "", range(0, 60 * s),
                              "Least time between two questions where the primary's WAL is."),
    key<&Monitor::budget>("budget", "", range(1, 100),
                          "Percent of a server's time, and of one processor here, that watching "
                          "positions may take beside the probes."),
};

constexpr Key breaker_keys[] = {
    key<&Breaker::window>("window", "", range(100 * ms, 3600 * s),
                          "Over which a node's failures are counted: connections, and statements "
                          "that fail through the server's own fault (classes 53, 57P, 58, XX)."),
    key<&Breaker::minimum>("minimum", "", positive, "Fewer transactions than this open nothing."),
    key<&Breaker::threshold>("threshold", "", range(1, 100),
                             "Percent of failures that open the breaker, at least."),
    key<&Breaker::factor>("factor", "", range(1, 1000),
                          "And at least so many times the failures that are usual on the node."),
    key<&Breaker::rest>("rest", "", range(10 * ms, 3600 * s),
                        "How long it is open; twice as long when it opens again at once."),
    key<&Breaker::longest_rest>("longest_rest", "", range(10 * ms, 86'400 * s), "At the most."),
    key<&Breaker::trial>("trial", "", range(1, million),
                         "Transactions that must succeed, on a small share of the traffic, to "
                         "close it."),
};

constexpr Key failover_keys[] = {
    key<&Failover::hold_timeout>(
        "hold_timeout", "", duration_or_none,
        "How long a statement, or a login, waits while no node can serve it: the primary is down, "
        "or a new one is not there yet. Then 57P03. 0: it does not wait."),
    key<&Failover::hold_max_clients>("hold_max_clients", "", positive,
                                     "So many clients wait at most; others get 57P03 at once."),
    key<&Failover::hold_max_bytes>("hold_max_bytes", "", positive_bytes,
                                   "And so many bytes of what they sent: who waits and sends more "
                                   "is not read, who comes then gets 57P03."),
    key<&Failover::release_concurrency>("release_concurrency", "", positive,
                                        "When a node is there again: how many connections to it "
                                        "are opened at once for those who waited, the longest "
                                        "first."),
};

constexpr Key nodes_keys[] = {
    key<&Node::name>("name", "", is(Form::name),
                     "What logs and SHOW call it. Not set: `host:port`, or the `backend`."),
    key<&Node::host>("host", "", is(Form::host),
                     "Where the server is; a directory that starts with `/` holds its unix "
                     "socket. Required, but for a `backend`."),
    key<&Node::backend>("backend", "", is(Form::name),
                        "In the place of `host`: the name by which the program that holds the "
                        "engine has added a backend of its own. See `docs/embedding.md`."),
    key<&Node::port>("port", "", port, "The server's port."),
    key<&Node::role>("role", "", any, "What it is; `auto` finds out."),
    key<&Node::weight>(
        "weight", "", range(0, 10000),
        "Its share of the reads, beside other nodes'; 0: only when no other is left."),
    key<&Node::zone>("zone", "", any,
                     "Where it stands, as `[routing] zone` names it; for `nearest`."),
    key<&Node::tags>("tags", "", any, "Other names that `[[rules]] nodes` may use for it."),
};

constexpr Key databases_keys[] = {
    key<&Database::name>("name", "", is(Form::name),
                         "The name that clients ask for; `*` matches what no other entry matches.")
        .must(),
    key<&Database::dbname>("dbname", "", any, "Its name on the server. Empty: the name asked for."),
    key<&Database::user>("user", "", any, "Who logs in to the server. Empty: the client's user."),
    key<&Database::password>("password", "", any, "The password of `user`."),
    key<&Database::route>("route", "", any, "Which kind of node serves it."),
    key<&Database::pool_mode>("pool_mode", "", any, "Instead of that of [proxy]."),
    key<&Database::pool_size>("pool_size", "", positive, "Instead of that of [proxy]."),
    key<&Database::min_pool_size>("min_pool_size", "", count, "Instead of that of [proxy]."),
    key<&Database::reserve_pool_size>("reserve_pool_size", "reserve_pool", count,
                                      "Instead of that of [proxy]."),
    key<&Database::max_db_connections>("max_db_connections", "", count,
                                       "Instead of that of [proxy]."),
    key<&Database::auth_query>("auth_query", "", is(Form::sql), "Instead of `query` of [auth]."),
    key<&Database::freshness>("freshness", "", any, "Instead of that of [routing]."),
};

constexpr Key users_keys[] = {
    key<&User::name>("name", "", is(Form::name), "The user that clients log in as.").must(),
    key<&User::pool_mode>("pool_mode", "", any, "Instead of that of [proxy] or the database."),
    key<&User::pool_size>("pool_size", "", positive, "Instead of that of [proxy] or the database."),
    key<&User::max_user_connections>("max_user_connections", "", count,
                                     "Instead of that of [proxy]."),
    key<&User::route>("route", "", any,
                      "Where this user's reads go, unless the session or the statement says "
                      "otherwise. Writes go to the primary all the same."),
    key<&User::freshness>("freshness", "", any, "Instead of that of [routing] or the database."),
};

constexpr Key routing_keys[] = {
    key<&Routing::reads>("reads", "", any,
                         "Where statements go that may run on a standby. standby: to one that is "
                         "known to be fresh enough, and to the primary while none is. primary: "
                         "there, unless somebody asks for another place."),
    key<&Routing::freshness>("freshness", "", any,
                             "What a read on a standby must see. strict: every commit that was "
                             "acknowledged through this proxy. session, group: those of the "
                             "session, or of its group. bounded: those older than the standby's "
                             "lag and a window. any: nothing in particular."),
    key<&Routing::replication_lag_window>("replication_lag_window", "", duration_or_none,
                                          "With `bounded`: added to a standby's measured lag, and "
                                          "compared with the time since a table was last written."),
    key<&Routing::freshness_wait>("freshness_wait", "", duration_or_none,
                                  "How long a statement of a read-only transaction waits for its "
                                  "standby to replay what it must see; then it fails with 40001."),
    key<&Routing::balance>("balance", "", any,
                           "Which of several nodes gets a read. Weights count in all of them."),
    key<&Routing::zone>("zone", "", any,
                        "Where this proxy is: `nearest` prefers nodes of this zone."),
    key<&Routing::include_primary>("include_primary", "", any,
                                   "Whether the primary is one of the nodes that reads are shared "
                                   "among."),
};

constexpr Key rules_keys[] = {
    key<&RouteRule::name>("name", "", any, "What logs and SHOW call it. Not set: `rules[N]`."),
    key<&RouteRule::fingerprint>("fingerprint", "", any,
                                 "Statements by their fingerprints, as SHOW ROUTE prints them."),
    key<&RouteRule::regex>("regex", "", any,
                           "A regular expression (RE2) that is found in the statement's normal "
                           "form: lower case, single blanks, `$1` for each literal."),
    key<&RouteRule::table>("table", "", any,
                           "Tables that the statement reads or writes, also through views."),
    key<&RouteRule::user>("user", "", any, "Users that clients log in as."),
    key<&RouteRule::database>("database", "", any, "Databases that clients ask for."),
    key<&RouteRule::application_name>("application_name", "", any, "Values of application_name."),
    key<&RouteRule::client_address>("client_address", "", any,
                                    "Addresses or networks (`10.0.0.0/8`) that clients come from."),
    key<&RouteRule::workload>("workload", "", any,
                              "What the statement's runs were like. vector: it orders by a "
                              "distance of vectors. analytics: long, or of many rows."),
    key<&RouteRule::temperature>("temperature", "", any,
                                 "How much the tables are used that the statement names: that of "
                                 "the one used most."),
    key<&RouteRule::route>("route", "", any,
                           "Where such reads go. Writes go to the primary all the same."),
    key<&RouteRule::freshness>("freshness", "", any,
                               "What such a read must see; instead of that of [routing], the "
                               "database and the user."),
    key<&RouteRule::nodes>("nodes", "", any,
                           "The standbys such reads may go to, by their names. With none of them "
                           "fit, the primary serves."),
    key<&RouteRule::log>("log", "", any, "Whether a line is logged for each such statement."),
    key<&RouteRule::cache>("cache", "", any,
                           "Whether answers to such reads are kept. Not set: where it pays."),
    key<&RouteRule::cache_ttl>("cache_ttl", "", positive_duration,
                               "How old such an answer may be; instead of that of [cache]."),
    key<&RouteRule::cache_max_result_size>("cache_max_result_size", "", positive_bytes,
                                           "Larger answers to such reads are not kept."),
    key<&RouteRule::cache_row_security>(
        "cache_row_security", "", any,
        "Keeps answers from tables with row security, too. They are given to the same user with "
        "the same settings only; policies must hang on nothing else but tables."),
    key<&RouteRule::stale_while_revalidate>(
        "stale_while_revalidate", "", duration_or_none,
        "While one client asks anew, others are given what was right so long ago at most."),
};

template <auto Member>
constexpr Section one(std::string_view name, std::span<const Key> keys) {
  return {name,
          false,
          keys,
          [](const Settings&) { return std::size_t{1}; },
          [](Settings& settings, std::size_t) -> void* { return &(settings.*Member); },
          [](Settings&) {}};
}

template <auto Member>
constexpr Section many(std::string_view name, std::span<const Key> keys) {
  return {name,
          true,
          keys,
          [](const Settings& settings) { return (settings.*Member).size(); },
          [](Settings& settings, std::size_t index) -> void* { return &(settings.*Member)[index]; },
          [](Settings& settings) { (settings.*Member).emplace_back(); }};
}

constexpr Section all_sections[] = {
    one<&Settings::proxy>("proxy", proxy_keys),
    one<&Settings::timeouts>("timeouts", timeouts_keys),
    one<&Settings::auth>("auth", auth_keys),
    one<&Settings::client_tls>("client_tls", client_tls_keys),
    one<&Settings::server_tls>("server_tls", server_tls_keys),
    one<&Settings::log>("log", log_keys),
    one<&Settings::cluster>("cluster", cluster_keys),
    one<&Settings::monitor>("monitor", monitor_keys),
    one<&Settings::breaker>("breaker", breaker_keys),
    one<&Settings::failover>("failover", failover_keys),
    many<&Settings::nodes>("nodes", nodes_keys),
    many<&Settings::databases>("databases", databases_keys),
    many<&Settings::users>("users", users_keys),
    one<&Settings::routing>("routing", routing_keys),
    one<&Settings::cache>("cache", cache_keys),
    one<&Settings::cache_redis>("cache.redis", cache_redis_keys),
    many<&Settings::rules>("rules", rules_keys),
};

}  // namespace

const void* Section::at(const Settings& settings, std::size_t index) const {
  return address(const_cast<Settings&>(settings), index);  // comes back const
}

std::span<const Section> sections() { return all_sections; }

}  // namespace heim::config
