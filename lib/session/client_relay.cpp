// Logins that a server judges: the client's answers go to it, its challenges come back. The
// connection that was opened for it joins the pool. Also connections that serve one client alone
// (replication).
#include "session/client_login.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"

namespace heim::session {
namespace {

constexpr std::uint32_t auth_ok = 0;
constexpr std::uint32_t auth_cleartext = 3;
constexpr std::uint32_t auth_sasl = 10;
constexpr std::uint32_t auth_sasl_final = 12;

// Channel binding ties a login to one TLS connection, and there are two here: the mechanism cannot
// be relayed.
std::string without_plus(Bytes body) {
  wire::Fields fields(body.subspan(4));
  std::string kept;
  for (std::string_view mechanism = fields.string(); !mechanism.empty();
       mechanism = fields.string()) {
    if (!mechanism.ends_with("-PLUS")) (kept += mechanism) += '\0';
  }
  kept += '\0';
  std::string out;
  wire::authentication(out, auth_sasl, kept);
  return out;
}

}  // namespace

void Client::start_relay() {
  if (is_console(database_name)) {
    if (stream_->is_loopback() || stream_->is_unix()) return authenticated();
    return fail("28000",
                "without auth_file the console is open to connections from this machine only");
  }
  if (!replication.empty()) return open_dedicated(true);
  if (!choose_pool()) return;
  apply(ClientEvent::relayed);
  if (!hub.shared.server_secrets.has(database_name, pool->record.key.user) && !pool->open_to_all) {
    pool->relay = true;
    hub.shared.broker.set_can_open(pool->record, false);
  }
  hub.start_relay(*pool, *this);
}

void Client::relay_on(Server& judge) { login_->relay = &judge; }

void Client::relay_authentication(Bytes frame) {
  const Bytes body = frame.subspan(wire::header_size);
  if (body.size() < 4) return;
  const std::uint32_t code = load_be32(body.data());
  if (code == auth_ok) return;  // ours follows with the greeting
  login_->asked = true;
  login_->awaits_answer = code != auth_sasl_final;
  login_->relay_password = code == auth_cleartext;
  if (code == auth_cleartext && !tls_ && !stream_->is_loopback() && !stream_->is_unix()) {
    return fail("28000",
                "the server asks for a password in plain text, and this connection is not private",
                "Use TLS towards the proxy.");
  }
  const std::string filtered = code == auth_sasl ? without_plus(body) : std::string();
  const Bytes segment = filtered.empty() ? frame : as_bytes(filtered);
  stream_->write({&segment, 1});
}

void Client::relay_accepted(Server& judge) {
  login_->relay = nullptr;
  if (!login_->password.empty()) {
    hub.shared.server_secrets.learn(database_name, pool->record.key.user,
                                    auth::Credentials::plain(login_->password));
  } else if (!login_->asked) {
    pool->open_to_all = true;  // the server trusts: the proxy can log in by itself
  }
  if (!login_->password.empty() || !login_->asked) {
    pool->relay = false;
    hub.shared.broker.set_can_open(pool->record, true);
  }
  if (state_ == ClientState::relay) apply(ClientEvent::authenticated);
  if (mode != config::PoolMode::session || judge.dedicated) return link(judge);
  // It keeps what it gets, so it stands in line for it; its judge may be one more than the pool
  // has.
  pool->give(judge);
  greet();
}

void Client::relay_failed(Bytes error) {
  if (login_) login_->relay = nullptr;
  if (state_ == ClientState::closing) return;
  if (error.empty()) return fail("08006", "the server closed the connection during the login");
  fail_raw(std::string(as_text(error)));
}

// A replication connection is the server's own from the first to the last byte; only the login may
// be ours.
void Client::open_dedicated(bool relay) {
  if (!choose_pool()) return;
  --pool->clients;
  pool = hub.dedicated_pool(login_->database, pool->record.key.user, pool->record.key.node);
  ++pool->clients;
  mode = config::PoolMode::session;
  pinned = "replication";
  auth::Credentials known = hub.shared.server_secrets.known(database_name, pool->record.key.user);
  if (known.kind != auth::CredentialKind::none) {
    hub.shared.server_secrets.learn(pool->record.key.database, pool->record.key.user,
                                    std::move(known));
  }
  if (relay) {
    apply(ClientEvent::relayed);
    login_->dedicated = true;
  }
  if (!hub.shared.broker.reserve_slot(pool->record)) {
    return fail("53300", "too many replication connections", "The limit is pool_size.");
  }
  Server* opened = hub.open_server(*pool, this, login_->extra, relay);
  login_->relay = opened;
}

}  // namespace heim::session
