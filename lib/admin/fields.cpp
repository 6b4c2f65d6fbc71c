#include "admin/fields.hpp"

#include <array>
#include <cstdio>
#include <type_traits>

namespace heim::admin {
namespace {

using namespace session;
using S = Snapshot;

Cell seconds(Duration d) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(d).count());
}
/// What seconds() leaves.
Cell micros(Duration d) { return std::to_string(to_us(d) % 1000000); }

/// PgBouncer prints addresses of its objects; an id identifies as well and tells nothing else.
std::string pointer(std::uint64_t id) {
  if (id == 0) return {};
  char text[24];
  const int length =
      std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(id));
  return {text, static_cast<std::size_t>(length)};
}

template <auto Member>
struct Get;
template <class T, class V, V T::*Member>
struct Get<Member> {
  template <class Derived>
  static Cell of(const Derived& row, const S&) {
    if constexpr (std::is_same_v<V, bool>) {
      return std::string(row.*Member ? "1" : "0");
    } else {
      return cell(row.*Member);
    }
  }
};

using P = PoolRow;
constexpr Field<P> pools[] = {
    {"database", Type::text, Get<&P::database>::of},
    {"user", Type::text, Get<&P::user>::of},
    {"cl_active", Type::int4, Get<&P::cl_active>::of},
    {"cl_waiting", Type::int4, Get<&P::cl_waiting>::of},
    {"cl_active_cancel_req", Type::int4, Get<&P::cl_active_cancel_req>::of},
    {"cl_waiting_cancel_req", Type::int4, Get<&P::cl_waiting_cancel_req>::of},
    {"sv_active", Type::int4, Get<&P::sv_active>::of},
    {"sv_active_cancel", Type::int4, Get<&P::sv_active_cancel>::of},
    {"sv_being_canceled", Type::int4, Get<&P::sv_being_canceled>::of},
    {"sv_idle", Type::int4, Get<&P::sv_idle>::of},
    {"sv_used", Type::int4, Get<&P::sv_used>::of},
    {"sv_tested", Type::int4, Get<&P::sv_tested>::of},
    {"sv_login", Type::int4, Get<&P::sv_login>::of},
    {"maxwait", Type::int4, [](const P& row, const S&) { return seconds(row.maxwait); }},
    {"maxwait_us", Type::int4, [](const P& row, const S&) { return micros(row.maxwait); }},
    {"pool_mode", Type::text, Get<&P::pool_mode>::of},
    {"load_balance_hosts", Type::text,
     [](const P& row, const S&) { return unless_empty(row.load_balance_hosts); }},
    {"node", Type::text, Get<&P::node>::of},
    {"pool_size", Type::int4, Get<&P::pool_size>::of},
};

/// The columns of clients, servers and sockets; `letter` is what stands in `type`.
template <class T, char letter>
constexpr Field<T> connection[] = {
    {"type", Type::text, [](const T&, const S&) { return Cell(std::string(1, letter)); }},
    {"user", Type::text, Get<&ConnectionRow::user>::of},
    {"database", Type::text, Get<&ConnectionRow::database>::of},
    {"replication", Type::text, Get<&ConnectionRow::replication>::of},
    {"state", Type::text, Get<&ConnectionRow::state>::of},
    {"addr", Type::text, Get<&ConnectionRow::addr>::of},
    {"port", Type::int4, Get<&ConnectionRow::port>::of},
    {"local_addr", Type::text, Get<&ConnectionRow::local_addr>::of},
    {"local_port", Type::int4, Get<&ConnectionRow::local_port>::of},
    {"connect_time", Type::text,
     [](const T& row, const S& all) { return Cell(date(row.connect_time, all)); }},
    {"request_time", Type::text,
     [](const T& row, const S& all) {
       const bool none = row.request_time == Instant{};
       return Cell(date(none ? row.connect_time : row.request_time, all));
     }},
    {"wait", Type::int4, [](const T& row, const S&) { return seconds(row.wait); }},
    {"wait_us", Type::int4, [](const T& row, const S&) { return micros(row.wait); }},
    {"close_needed", Type::int4, Get<&ConnectionRow::close_needed>::of},
    {"ptr", Type::text, [](const T& row, const S&) { return Cell(pointer(row.id)); }},
    {"link", Type::text, [](const T& row, const S&) { return Cell(pointer(row.link)); }},
    {"remote_pid", Type::int4, Get<&ConnectionRow::remote_pid>::of},
    {"tls", Type::text, Get<&ConnectionRow::tls>::of},
    {"application_name", Type::text, Get<&ConnectionRow::application_name>::of},
    {"prepared_statements", Type::int4, Get<&ConnectionRow::prepared_statements>::of},
    {"id", Type::int8, Get<&ConnectionRow::id>::of},
};

using C = ClientRow;
constexpr Field<C> client_extras[] = {
    {"worker", Type::int4, Get<&C::worker>::of},
    {"send_backlog", Type::int8, Get<&C::send_backlog>::of},
    {"node", Type::text, Get<&C::node>::of},
    {"route_reason", Type::text, Get<&C::route_reason>::of},
    {"pinned", Type::text, Get<&C::pinned>::of},
};

using V = ServerRow;
constexpr Field<V> server_extras[] = {
    {"worker", Type::int4, Get<&V::worker>::of},
    {"send_backlog", Type::int8, Get<&V::send_backlog>::of},
    {"node", Type::text, Get<&V::node>::of},
    {"xact_count", Type::int8, Get<&V::xact_count>::of},
};

template <class T>
Cell unknown(const T&, const S&) {
  return {};
}

// PgBouncer's view into its packet buffers. Ours are shaped differently: only what is still to be
// sent has an equal.
using R = ConnectionRow;
constexpr Field<R> socket_extras[] = {
    {"recv_pos", Type::int4, unknown<R>},
    {"pkt_pos", Type::int4, unknown<R>},
    {"pkt_remain", Type::int4, unknown<R>},
    {"send_pos", Type::int4, unknown<R>},
    {"send_remain", Type::int8, Get<&R::send_backlog>::of},
    {"pkt_avail", Type::int4, unknown<R>},
    {"send_avail", Type::int4, unknown<R>},
    {"worker", Type::int4, Get<&R::worker>::of},
};

// No descriptor leaves the process, and no cancel key is shown.
constexpr Field<R> fds[] = {
    {"fd", Type::int4, unknown<R>},          {"task", Type::text, unknown<R>},
    {"user", Type::text, Get<&R::user>::of}, {"database", Type::text, Get<&R::database>::of},
    {"addr", Type::text, Get<&R::addr>::of}, {"port", Type::int4, Get<&R::port>::of},
    {"cancel", Type::int8, unknown<R>},      {"link", Type::int4, unknown<R>},
};

using D = DatabaseRow;
constexpr Field<D> databases[] = {
    {"name", Type::text, Get<&D::name>::of},
    {"host", Type::text, Get<&D::host>::of},
    {"port", Type::int4, Get<&D::port>::of},
    {"database", Type::text, Get<&D::database>::of},
    {"force_user", Type::text, [](const D& row, const S&) { return unless_empty(row.force_user); }},
    {"pool_size", Type::int4, Get<&D::pool_size>::of},
    {"min_pool_size", Type::int4, Get<&D::min_pool_size>::of},
    {"reserve_pool_size", Type::int4, Get<&D::reserve_pool_size>::of},
    {"server_lifetime", Type::int4,
     [](const D& row, const S&) { return seconds(row.server_lifetime); }},
    {"pool_mode", Type::text, [](const D& row, const S&) { return unless_empty(row.pool_mode); }},
    {"load_balance_hosts", Type::text,
     [](const D& row, const S&) { return unless_empty(row.load_balance_hosts); }},
    {"max_connections", Type::int4, Get<&D::max_connections>::of},
    {"current_connections", Type::int4, Get<&D::current_connections>::of},
    {"max_client_connections", Type::int4, Get<&D::max_client_connections>::of},
    {"current_client_connections", Type::int4, Get<&D::current_client_connections>::of},
    {"paused", Type::int4, Get<&D::paused>::of},
    {"disabled", Type::int4, Get<&D::disabled>::of},
    {"route", Type::text, Get<&D::route>::of},
};

Cell if_set(const std::optional<std::uint32_t>& value) { return value ? cell(*value) : Cell(); }

using U = UserRow;
constexpr Field<U> users[] = {
    {"name", Type::text, Get<&U::name>::of},
    {"pool_size", Type::int4, [](const U& row, const S&) { return if_set(row.pool_size); }},
    {"reserve_pool_size", Type::int4,
     [](const U& row, const S&) { return if_set(row.reserve_pool_size); }},
    {"pool_mode", Type::text, [](const U& row, const S&) { return unless_empty(row.pool_mode); }},
    {"max_user_connections", Type::int4, Get<&U::max_user_connections>::of},
    {"current_connections", Type::int4, Get<&U::current_connections>::of},
    {"max_user_client_connections", Type::int4, Get<&U::max_user_client_connections>::of},
    {"current_client_connections", Type::int4, Get<&U::current_client_connections>::of},
};

using N = PinRow;
constexpr Field<N> pins[] = {
    {"reason", Type::text, Get<&N::reason>::of},
    {"clients", Type::int8, Get<&N::clients>::of},
    {"total", Type::int8, Get<&N::total>::of},
    {"meaning", Type::text, Get<&N::meaning>::of},
};

// How many server connections of a node are in this state.
template <class Row>
Cell connections(const Row& row, const S& all, const char* state) {
  std::uint64_t count = 0;
  for (const ServerRow& each : all.servers) count += each.node == row.name && each.state == state;
  return cell(count);
}

using O = NodeRow;
constexpr Field<O> nodes[] = {
    {"name", Type::text, Get<&O::name>::of},
    {"host", Type::text, Get<&O::host>::of},
    {"port", Type::int4, Get<&O::port>::of},
    {"role", Type::text, Get<&O::role>::of},
    {"condition", Type::text, Get<&O::condition>::of},
    {"reason", Type::text, [](const O& row, const S&) { return unless_empty(row.reason); }},
    {"since", Type::text, [](const O& row, const S& all) { return Cell(date(row.since, all)); }},
    {"given", Type::text, Get<&O::given>::of},
    {"breaker", Type::text, Get<&O::breaker>::of},
    {"failure_percent", Type::int4, Get<&O::failure_percent>::of},
    {"timeline", Type::int8, Get<&O::timeline>::of},
    {"lsn", Type::text, [](const O& row, const S&) { return unless_empty(row.lsn); }},
    {"received_lsn", Type::text,
     [](const O& row, const S&) { return unless_empty(row.received_lsn); }},
    {"lag_bytes", Type::int8, Get<&O::lag_bytes>::of},
    {"lag_us", Type::int8, Get<&O::lag_us>::of},
    {"latency_us", Type::int8, Get<&O::latency_us>::of},
    {"share", Type::int4, Get<&O::share>::of},
    {"weight", Type::int4, Get<&O::weight>::of},
    {"zone", Type::text, [](const O& row, const S&) { return unless_empty(row.zone); }},
    {"sv_active", Type::int8,
     [](const O& row, const S& all) { return connections(row, all, "active"); }},
    {"sv_idle", Type::int8,
     [](const O& row, const S& all) { return connections(row, all, "idle"); }},
    {"probes", Type::int8, Get<&O::probes>::of},
    {"failures", Type::int8, Get<&O::failures>::of},
    {"system_identifier", Type::numeric, Get<&O::system_identifier>::of},
};

using L = ReplicationRow;
constexpr Field<L> replication[] = {
    {"node", Type::text, Get<&L::node>::of},
    {"application_name", Type::text, Get<&L::application_name>::of},
    {"client_addr", Type::text, Get<&L::client_addr>::of},
    {"state", Type::text, Get<&L::state>::of},
    {"sync_state", Type::text, Get<&L::sync_state>::of},
    {"sent_lsn", Type::text, Get<&L::sent_lsn>::of},
    {"write_lsn", Type::text, Get<&L::write_lsn>::of},
    {"flush_lsn", Type::text, Get<&L::flush_lsn>::of},
    {"replay_lsn", Type::text, Get<&L::replay_lsn>::of},
    {"write_lag_us", Type::int8, Get<&L::write_lag_us>::of},
    {"flush_lag_us", Type::int8, Get<&L::flush_lag_us>::of},
    {"replay_lag_us", Type::int8, Get<&L::replay_lag_us>::of},
};

using Q = RouteRow;
constexpr Field<Q> routes[] = {
    {"node", Type::text, Get<&Q::node>::of},
    {"reason", Type::text, Get<&Q::reason>::of},
    {"statements", Type::int8, Get<&Q::statements>::of},
};

using W = LedgerRow;
constexpr Field<W> ledger[] = {
    {"database", Type::text, Get<&W::database>::of},
    {"table", Type::text, Get<&W::table>::of},
    {"version", Type::int8, Get<&W::version>::of},
    {"in_flight", Type::int4, Get<&W::in_flight>::of},
    {"lsn", Type::text, [](const W& row, const S&) { return unless_empty(row.lsn); }},
    {"written_ago_ms", Type::int8, Get<&W::written_ago_ms>::of},
    {"temperature", Type::text, Get<&W::temperature>::of},
};

constexpr Field<ExplainRow> explained[] = {
    {"what", Type::text, Get<&ExplainRow::what>::of},
    {"value", Type::text, Get<&ExplainRow::value>::of},
};

using H = CacheQueryRow;
constexpr Field<H> cache_queries[] = {
    {"fingerprint", Type::text, Get<&H::fingerprint>::of},
    {"hits", Type::int8, Get<&H::hits>::of},
    {"misses", Type::int8, Get<&H::misses>::of},
    {"fills", Type::int8, Get<&H::fills>::of},
    {"invalidated", Type::int8, Get<&H::invalidated>::of},
    {"unused", Type::int8, Get<&H::unused>::of},
    {"mean_bytes", Type::int8, Get<&H::mean_bytes>::of},
    {"mean_us", Type::int8, Get<&H::mean_us>::of},
    {"saved_us", Type::int8, Get<&H::saved_us>::of},
    {"left_out", Type::text,
     [](const H& row, const S&) { return Cell(row.left_out ? "yes" : "no"); }},
    {"reason", Type::text, Get<&H::reason>::of},
};

using B = CacheTableRow;
constexpr Field<B> cache_tables[] = {
    {"table", Type::text, Get<&B::table>::of},
    {"queries", Type::int8, Get<&B::queries>::of},
    {"hits", Type::int8, Get<&B::hits>::of},
    {"misses", Type::int8, Get<&B::misses>::of},
    {"fills", Type::int8, Get<&B::fills>::of},
    {"invalidated", Type::int8, Get<&B::invalidated>::of},
    {"saved_us", Type::int8, Get<&B::saved_us>::of},
};

constexpr Field<ListRow> lists[] = {
    {"list", Type::text, Get<&ListRow::list>::of},
    {"items", Type::int8, Get<&ListRow::items>::of},
};

using M = MemRow;
constexpr Field<M> memory[] = {
    {"name", Type::text, Get<&M::name>::of},         {"size", Type::int8, Get<&M::size>::of},
    {"used", Type::int8, Get<&M::used>::of},         {"free", Type::int8, Get<&M::free>::of},
    {"memtotal", Type::int8, Get<&M::memtotal>::of},
};

using K = ConfigRow;
constexpr Field<K> config[] = {
    {"key", Type::text, Get<&K::key>::of},
    {"value", Type::text, Get<&K::value>::of},
    {"default", Type::text, Get<&K::default_value>::of},
    {"changeable", Type::text,
     [](const K& row, const S&) { return Cell(row.changeable ? "yes" : "no"); }},
    {"source", Type::text, Get<&K::source>::of},
};

/// Two lists in one.
template <class T, std::size_t A, std::size_t B>
constexpr auto joined(const Field<T> (&first)[A], const Field<T> (&second)[B]) {
  std::array<Field<T>, A + B> all{};
  std::size_t at = 0;
  for (const auto& field : first) all[at++] = field;
  for (const auto& field : second) all[at++] = field;
  return all;
}

constexpr auto clients = joined(connection<C, 'C'>, client_extras);
constexpr auto servers = joined(connection<V, 'S'>, server_extras);
constexpr auto sockets = joined(connection<R, '?'>, socket_extras);

}  // namespace

std::string date(Instant when, const Snapshot& snapshot) {
  using namespace std::chrono;
  const auto ago = duration_cast<microseconds>(snapshot.now - when);
  const auto then = floor<std::chrono::seconds>(snapshot.wall_now - ago);
  const auto midnight = floor<days>(then);
  const year_month_day day(midnight);
  const hh_mm_ss time(then - midnight);
  char text[64];
  const int length = std::snprintf(
      text, sizeof text, "%04d-%02u-%02u %02d:%02d:%02d UTC", static_cast<int>(day.year()),
      static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()),
      static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
      static_cast<int>(time.seconds().count()));
  return {text, static_cast<std::size_t>(length)};
}

std::span<const Field<PoolRow>> pool_fields() { return pools; }
std::span<const Field<ClientRow>> client_fields() { return clients; }
std::span<const Field<ServerRow>> server_fields() { return servers; }
std::span<const Field<ConnectionRow>> socket_fields() { return sockets; }
std::span<const Field<ConnectionRow>> fd_fields() { return fds; }
std::span<const Field<DatabaseRow>> database_fields() { return databases; }
std::span<const Field<UserRow>> user_fields() { return users; }
std::span<const Field<PinRow>> pin_fields() { return pins; }
std::span<const Field<NodeRow>> node_fields() { return nodes; }
std::span<const Field<ReplicationRow>> replication_fields() { return replication; }
std::span<const Field<RouteRow>> route_fields() { return routes; }
std::span<const Field<LedgerRow>> ledger_fields() { return ledger; }
std::span<const Field<ExplainRow>> explain_fields() { return explained; }
std::span<const Field<CacheQueryRow>> cache_query_fields() { return cache_queries; }
std::span<const Field<CacheTableRow>> cache_table_fields() { return cache_tables; }
std::span<const Field<ListRow>> list_fields() { return lists; }
std::span<const Field<MemRow>> memory_fields() { return memory; }
std::span<const Field<ConfigRow>> config_fields() { return config; }

}  // namespace heim::admin
