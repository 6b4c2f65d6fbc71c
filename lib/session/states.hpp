// The life of a client session and of a server connection, as two tables. Read this file first.
//
// Rule 1: every change of state is a row here; nothing else may assign a state.
// Rule 2: this file knows nothing of sockets, pools or SQL.
// A pair (state, event) is a row or is listed as impossible; the compiler checks that none is
// forgotten. An impossible pair met at run time is a bug of ours: the session is closed with XX000,
// its server is discarded.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace heim::session {

// ---- client sessions
// ------------------------------------------------------------------------------------------

enum class ClientState : std::uint8_t {
  start,     // awaits a startup packet
  tls,       // TLS handshake
  auth,      // we judge the login
  secret,    // awaits the answer of auth_query
  relay,     // a server judges the login; messages pass to and fro
  login,     // judged; awaits a server's word on its parameters
  idle,      // holds no server
  waiting,   // stands in line for a server
  linked,    // holds a server
  skipping,  // an error of ours: ignores all up to Sync
  console,   // talks to the admin console
  closing,   // told why, or gone; the stream flushes
  count_
};

enum class ClientEvent : std::uint8_t {
  tls_begins,  // SSLRequest, or a TLS hello
  tls_done,
  challenged,     // an Authentication request was sent
  secret_wanted,  // auth_query must be asked
  relayed,        // a server was given the login
  authenticated,  // the login is good; parameters are still to be checked by a server
  admitted,       // ReadyForQuery was sent
  console_opened,
  queued,       // joined the line of a pool
  linked,       // was given a server
  released,     // gave it back
  refused,      // an error of ours instead of a server, inside an extended batch
  resynced,     // the Sync that ends it
  answered,     // an error of ours instead of a server, whole (simple query)
  server_lost,  // the server died, and the session can go on
  failed,       // a FATAL of ours is on its way
  gone,         // the peer left
  count_
};

/// What the change means for the gauges and lists of the hub; run by Client::apply().
enum class ClientEffect : std::uint8_t {
  none,
  count_login,
  count_idle,
  count_waiting,
  count_active,
  leave
};

struct ClientTransition {
  ClientState from;
  ClientEvent on;
  ClientState to;
  ClientEffect effect;
};

inline constexpr ClientTransition client_transitions[] = {
    {ClientState::start, ClientEvent::tls_begins, ClientState::tls, ClientEffect::none},
    {ClientState::tls, ClientEvent::tls_done, ClientState::start, ClientEffect::none},

    {ClientState::start, ClientEvent::challenged, ClientState::auth, ClientEffect::none},
    {ClientState::start, ClientEvent::secret_wanted, ClientState::secret, ClientEffect::none},
    {ClientState::start, ClientEvent::relayed, ClientState::relay, ClientEffect::none},
    {ClientState::start, ClientEvent::authenticated, ClientState::login, ClientEffect::none},
    {ClientState::start, ClientEvent::console_opened, ClientState::console,
     ClientEffect::count_login},
    {ClientState::secret, ClientEvent::challenged, ClientState::auth, ClientEffect::none},
    {ClientState::secret, ClientEvent::authenticated, ClientState::login, ClientEffect::none},
    {ClientState::secret, ClientEvent::console_opened, ClientState::console,
     ClientEffect::count_login},
    {ClientState::auth, ClientEvent::challenged, ClientState::auth, ClientEffect::none},
    {ClientState::auth, ClientEvent::authenticated, ClientState::login, ClientEffect::none},
    {ClientState::auth, ClientEvent::console_opened, ClientState::console,
     ClientEffect::count_login},
    {ClientState::relay, ClientEvent::authenticated, ClientState::login, ClientEffect::none},

    {ClientState::login, ClientEvent::admitted, ClientState::idle, ClientEffect::count_login},
    {ClientState::idle, ClientEvent::queued, ClientState::waiting, ClientEffect::count_waiting},
    {ClientState::idle, ClientEvent::linked, ClientState::linked, ClientEffect::count_active},
    {ClientState::waiting, ClientEvent::linked, ClientState::linked, ClientEffect::count_active},
    {ClientState::linked, ClientEvent::released, ClientState::idle, ClientEffect::count_idle},
    {ClientState::linked, ClientEvent::server_lost, ClientState::idle, ClientEffect::count_idle},
    {ClientState::waiting, ClientEvent::refused, ClientState::skipping, ClientEffect::count_idle},
    {ClientState::waiting, ClientEvent::answered, ClientState::idle, ClientEffect::count_idle},
    {ClientState::skipping, ClientEvent::resynced, ClientState::idle, ClientEffect::none},

    {ClientState::start, ClientEvent::failed, ClientState::closing, ClientEffect::leave},
    {ClientState::tls, ClientEvent::failed, ClientState::closing, ClientEffect::leave},
    {ClientState::auth, ClientEvent::failed, ClientState::closing, ClientEffect::leave},
    {ClientState::secret, ClientEvent::failed, ClientState::closing, ClientEffect::leave},
    {ClientState::relay, ClientEvent::failed, ClientState::closing, ClientEffect::leave},
    {ClientState::login, ClientEvent::failed, ClientState::closing, ClientEffect::leave},
    {ClientState::idle, ClientEvent::failed, ClientState::closing, ClientEffect::leave},
    {ClientState::waiting, ClientEvent::failed, ClientState::closing, ClientEffect::leave},
    {ClientState::linked, ClientEvent::failed, ClientState::closing, ClientEffect::leave},
    {ClientState::skipping, ClientEvent::failed, ClientState::closing, ClientEffect::leave},
    {ClientState::console, ClientEvent::failed, ClientState::closing, ClientEffect::leave},

    {ClientState::start, ClientEvent::gone, ClientState::closing, ClientEffect::leave},
    {ClientState::tls, ClientEvent::gone, ClientState::closing, ClientEffect::leave},
    {ClientState::auth, ClientEvent::gone, ClientState::closing, ClientEffect::leave},
    {ClientState::secret, ClientEvent::gone, ClientState::closing, ClientEffect::leave},
    {ClientState::relay, ClientEvent::gone, ClientState::closing, ClientEffect::leave},
    {ClientState::login, ClientEvent::gone, ClientState::closing, ClientEffect::leave},
    {ClientState::idle, ClientEvent::gone, ClientState::closing, ClientEffect::leave},
    {ClientState::waiting, ClientEvent::gone, ClientState::closing, ClientEffect::leave},
    {ClientState::linked, ClientEvent::gone, ClientState::closing, ClientEffect::leave},
    {ClientState::skipping, ClientEvent::gone, ClientState::closing, ClientEffect::leave},
    {ClientState::console, ClientEvent::gone, ClientState::closing, ClientEffect::leave},
};

/// The states in which an event cannot come.
struct ClientImpossible {
  ClientEvent on;
  std::uint32_t states;  // bits
};

template <class... States>
constexpr std::uint32_t bits(States... states) {
  return ((1u << static_cast<unsigned>(states)) | ... | 0u);
}

namespace detail {
using enum ClientState;
inline constexpr std::uint32_t all_client_states =
    (1u << static_cast<unsigned>(ClientState::count_)) - 1;
constexpr std::uint32_t all_but(std::uint32_t some) { return all_client_states & ~some; }

inline constexpr ClientImpossible client_impossible[] = {
    {ClientEvent::tls_begins, all_but(bits(start))},
    {ClientEvent::tls_done, all_but(bits(tls))},
    {ClientEvent::challenged, all_but(bits(start, secret, auth))},
    {ClientEvent::secret_wanted, all_but(bits(start))},
    {ClientEvent::relayed, all_but(bits(start))},
    {ClientEvent::authenticated, all_but(bits(start, secret, auth, relay))},
    {ClientEvent::console_opened, all_but(bits(start, secret, auth))},
    {ClientEvent::admitted, all_but(bits(login))},
    {ClientEvent::queued, all_but(bits(idle))},
    {ClientEvent::linked, all_but(bits(idle, waiting))},
    {ClientEvent::released, all_but(bits(ClientState::linked))},
    {ClientEvent::server_lost, all_but(bits(ClientState::linked))},
    {ClientEvent::refused, all_but(bits(waiting))},
    {ClientEvent::answered, all_but(bits(waiting))},
    {ClientEvent::resynced, all_but(bits(skipping))},
    {ClientEvent::failed, bits(closing)},
    {ClientEvent::gone, bits(closing)},
};
}  // namespace detail

// ---- server connections
// ---------------------------------------------------------------------------------------

enum class ServerState : std::uint8_t {
  connecting,  // the stream is not up
  asking_tls,  // SSLRequest sent
  tls,         // handshake
  login,       // startup sent
  idle,        // in the pool
  linked,      // belongs to a session
  cleaning,    // rolls back or resets what a session left
  canceling,   // clean, but a cancel request for its last session may still be under way
  closing,
  count_
};

enum class ServerEvent : std::uint8_t {
  up,  // the stream is up, no TLS wanted
  tls_asked,
  tls_accepted,
  tls_refused,  // and that is allowed
  tls_done,
  retried,     // once more, with or without TLS
  ready,       // login finished
  taken,       // by a session
  given_back,  // clean
  left_dirty,  // the session left something behind
  cleaned,
  held,  // given back or cleaned, with a cancel request under way
  cancel_over,
  lost,  // closed by the peer, or by us for a reason
  count_
};

struct ServerTransition {
  ServerState from;
  ServerEvent on;
  ServerState to;
};

inline constexpr ServerTransition server_transitions[] = {
    {ServerState::connecting, ServerEvent::up, ServerState::login},
    {ServerState::connecting, ServerEvent::tls_asked, ServerState::asking_tls},
    {ServerState::asking_tls, ServerEvent::tls_accepted, ServerState::tls},
    {ServerState::asking_tls, ServerEvent::tls_refused, ServerState::login},
    {ServerState::tls, ServerEvent::tls_done, ServerState::login},
    {ServerState::tls, ServerEvent::retried, ServerState::connecting},
    {ServerState::login, ServerEvent::retried, ServerState::connecting},
    {ServerState::login, ServerEvent::ready, ServerState::idle},
    {ServerState::idle, ServerEvent::taken, ServerState::linked},
    {ServerState::idle, ServerEvent::left_dirty, ServerState::cleaning},  // a check before use
    {ServerState::linked, ServerEvent::given_back, ServerState::idle},
    {ServerState::linked, ServerEvent::left_dirty, ServerState::cleaning},
    {ServerState::linked, ServerEvent::held, ServerState::canceling},
    {ServerState::cleaning, ServerEvent::cleaned, ServerState::idle},
    {ServerState::cleaning, ServerEvent::held, ServerState::canceling},
    {ServerState::canceling, ServerEvent::cancel_over, ServerState::idle},
    {ServerState::connecting, ServerEvent::lost, ServerState::closing},
    {ServerState::asking_tls, ServerEvent::lost, ServerState::closing},
    {ServerState::tls, ServerEvent::lost, ServerState::closing},
    {ServerState::login, ServerEvent::lost, ServerState::closing},
    {ServerState::idle, ServerEvent::lost, ServerState::closing},
    {ServerState::linked, ServerEvent::lost, ServerState::closing},
    {ServerState::cleaning, ServerEvent::lost, ServerState::closing},
    {ServerState::canceling, ServerEvent::lost, ServerState::closing},
};

struct ServerImpossible {
  ServerEvent on;
  std::uint32_t states;
};

namespace detail {
inline constexpr std::uint32_t all_server_states =
    (1u << static_cast<unsigned>(ServerState::count_)) - 1;
constexpr std::uint32_t only(std::uint32_t some) { return all_server_states & ~some; }

inline constexpr ServerImpossible server_impossible[] = {
    {ServerEvent::up, only(bits(ServerState::connecting))},
    {ServerEvent::tls_asked, only(bits(ServerState::connecting))},
    {ServerEvent::tls_accepted, only(bits(ServerState::asking_tls))},
    {ServerEvent::tls_refused, only(bits(ServerState::asking_tls))},
    {ServerEvent::tls_done, only(bits(ServerState::tls))},
    {ServerEvent::retried, only(bits(ServerState::tls, ServerState::login))},
    {ServerEvent::ready, only(bits(ServerState::login))},
    {ServerEvent::taken, only(bits(ServerState::idle))},
    {ServerEvent::given_back, only(bits(ServerState::linked))},
    {ServerEvent::left_dirty, only(bits(ServerState::linked, ServerState::idle))},
    {ServerEvent::cleaned, only(bits(ServerState::cleaning))},
    {ServerEvent::held, only(bits(ServerState::linked, ServerState::cleaning))},
    {ServerEvent::cancel_over, only(bits(ServerState::canceling))},
    {ServerEvent::lost, bits(ServerState::closing)},
};

// ---- completeness
// ---------------------------------------------------------------------------------------------

inline constexpr std::uint8_t no_row = 0xff;

/// [state][event] -> row. Fails to compile on a double, missing or contradicted pair.
template <class State, class Event, class Rows, class Gaps>
constexpr auto index_of(const Rows& rows, const Gaps& gaps) {
  constexpr auto states = static_cast<std::size_t>(State::count_);
  constexpr auto events = static_cast<std::size_t>(Event::count_);
  std::array<std::array<std::uint8_t, events>, states> table{};
  for (auto& line : table) line.fill(no_row);
  std::uint8_t number = 0;
  for (const auto& row : rows) {
    auto& slot = table[static_cast<std::size_t>(row.from)][static_cast<std::size_t>(row.on)];
    if (slot != no_row) throw "a transition is listed twice";
    slot = number++;
  }
  std::array<std::uint32_t, events> impossible{};
  for (const auto& gap : gaps) impossible[static_cast<std::size_t>(gap.on)] |= gap.states;
  for (std::size_t state = 0; state < states; ++state) {
    for (std::size_t event = 0; event < events; ++event) {
      const bool listed = table[state][event] != no_row;
      const bool denied = impossible[event] >> state & 1u;
      if (listed == denied) throw "a pair is neither listed nor impossible, or both";
    }
  }
  return table;
}

inline constexpr auto client_table =
    index_of<ClientState, ClientEvent>(client_transitions, client_impossible);
inline constexpr auto server_table =
    index_of<ServerState, ServerEvent>(server_transitions, server_impossible);
}  // namespace detail

/// The row for a pair; null if it is impossible.
constexpr const ClientTransition* find(ClientState from, ClientEvent on) {
  const auto row =
      detail::client_table[static_cast<std::size_t>(from)][static_cast<std::size_t>(on)];
  return row == detail::no_row ? nullptr : &client_transitions[row];
}
constexpr const ServerTransition* find(ServerState from, ServerEvent on) {
  const auto row =
      detail::server_table[static_cast<std::size_t>(from)][static_cast<std::size_t>(on)];
  return row == detail::no_row ? nullptr : &server_transitions[row];
}

std::string_view name(ClientState state);
std::string_view name(ClientEvent event);
std::string_view name(ServerState state);
std::string_view name(ServerEvent event);

}  // namespace heim::session
