// The way into a server: TLS as sslmode says, the startup packet, the login, the parameters it
// reports.
#include "session/client.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"
#include "session/server.hpp"
#include "wire/encoder.hpp"
#include "wire/startup.hpp"

namespace heim::session {
namespace {

bool wants_tls_first(SslMode mode) { return mode >= SslMode::prefer; }

}  // namespace

void Server::open(Client* owner, bool relay) {
  relay_ = owner;
  judging_ = relay;
  const cluster::Node& node = hub->shared.nodes.node(pool->record.key.node);
  peer = node.name;
  Target target;
  target.host = node.host;
  target.port = node.port;
  target.connect_timeout = hub->settings().timeouts.server_connect_timeout;
  stream = hub->transport.connect(target, *this);
}

void Server::on_connected(Stream& stream_ref) {
  hub->sweep();
  peer = stream_ref.peer_name();
  const SslMode mode = hub->settings().server_tls.mode;
  // A client's SCRAM answer says whether it could have bound the channel: over TLS on both sides no
  // answer fits. On this machine plain text is as good.
  if (judging_ && relay_ && relay_->is_tls() && stream_ref.is_loopback() &&
      mode < SslMode::require) {
    plain_only_ = true;
  }
  if (stream_ref.is_unix() || plain_only_ || !(wants_tls_first(mode) || force_tls_)) {
    apply(ServerEvent::up);
    return begin_login();
  }
  std::string request;
  wire::startup(request, wire::ssl_request, {});
  const Bytes segment = as_bytes(request);
  stream_ref.write({&segment, 1});
  apply(ServerEvent::tls_asked);
}

void Server::on_tls_answer(Bytes bytes) {
  const SslMode mode = hub->settings().server_tls.mode;
  if (bytes[0] == 'S' && bytes.size() == 1) {
    apply(ServerEvent::tls_accepted);
    tried_tls_ = true;
    return stream->start_tls_client(hub->shared.nodes.node(pool->record.key.node).host, mode);
  }
  if (bytes[0] == 'N' && bytes.size() == 1 && mode < SslMode::require) {
    apply(ServerEvent::tls_refused);
    return begin_login();
  }
  const bool refused = bytes[0] == 'N' && bytes.size() == 1;
  std::string error;
  wire::error(error, {"FATAL", "08006",
                      refused ? "the server does not accept TLS, and server_tls.mode asks for it"
                              : "the server gave no valid answer to an SSLRequest"});
  discard("no TLS", as_bytes(error));
  hub->login_failed(*pool, as_bytes(error), true, tried_);
}

void Server::on_tls(Stream&, const TlsInfo& info) {
  hub->sweep();
  endpoint_hash_ = info.endpoint_hash;
  tls_text = info.version + "/" + info.cipher;
  apply(ServerEvent::tls_done);
  begin_login();
}

// sslmode allow: plain first, TLS if that is refused; prefer: the other way round.
bool Server::retry_with_tls() {
  const SslMode mode = hub->settings().server_tls.mode;
  if (state_ == ServerState::tls && mode == SslMode::prefer) {
    plain_only_ = true;
    return reconnect();
  }
  if (state_ == ServerState::login && mode == SslMode::allow && !tried_tls_ &&
      !last_error_.empty()) {
    tried_tls_ = force_tls_ = true;
    return reconnect();
  }
  return false;
}

bool Server::reconnect() {
  stream->close();
  last_error_.clear();
  carry_.clear();
  apply(ServerEvent::retried);
  open(relay_, judging_);
  return true;
}

void Server::begin_login() {
  std::string body;
  const auto add = [&](std::string_view name, std::string_view value) {
    ((body += name) += '\0') += value;
    body += '\0';
  };
  add("user", pool->record.key.user);
  add("database", pool->dbname);
  for (const auto& [name, value] : startup_extra) add(name, value);
  body += '\0';
  std::string packet;
  wire::startup(packet, wire::version_3_0, body);
  const Bytes segment = as_bytes(packet);
  stream->write({&segment, 1});
  if (judging_) return;
  auth::ServerLoginInput input;
  input.user = pool->record.key.user;
  auto tried = hub->shared.server_secrets.to_try(pool->record.key.database, pool->record.key.user);
  tried_ = tried.id;
  input.credentials = std::move(tried.credentials);
  input.is_tls = stream->is_tls();
  input.endpoint_hash = endpoint_hash_;
  // A password in plain text only where nobody can read along.
  input.allow_cleartext = stream->is_tls() || stream->is_unix() || stream->is_loopback();
  login_ = std::make_unique<auth::ServerLogin>(std::move(input), hub->shared.random);
}

void Server::login_message(const wire::Header& header, Bytes frame) {
  const Bytes body = frame.subspan(wire::header_size);
  switch (header.tag) {
    case 'R':
      return login_authentication(frame);
    case 'S':
      on_parameter(body);
      return;
    case 'K':
      backend_pid = body.size() >= 4 ? load_be32(body.data()) : 0;
      backend_secret = body.size() > 4 ? as_text(body.subspan(4)) : std::string_view{};
      return;
    case 'E':
      last_error_ = as_text(frame);
      return on_end(*stream, {true, "login refused"});
    case 'Z':
      return login_ready();
    case 'N':
    case 'A':
    case 'v':
      return;
    default:
      violate("during login");
  }
}

void Server::login_authentication(Bytes frame) {
  if (judging_) return relay_ ? relay_->relay_authentication(frame) : void();
  if (!login_) return;
  const auth::Step step = login_->on_authentication(frame.subspan(wire::header_size));
  if (step.progress == auth::Progress::failed) {
    std::string error;
    wire::error(error, {"FATAL", step.error->sqlstate, step.error->message, step.error->detail,
                        step.error->hint});
    discard("login failed: " + step.error->message, as_bytes(error));
    return hub->login_failed(*pool, as_bytes(error), true, tried_);
  }
  if (!step.bytes.empty()) {
    const Bytes segment = as_bytes(step.bytes);
    stream->write({&segment, 1});
  }
  if (step.progress == auth::Progress::ok) {
    auth::Credentials proven = login_->take_credentials();
    if (proven.kind != auth::CredentialKind::none) {
      hub->shared.server_secrets.learn(pool->record.key.database, pool->record.key.user,
                                       std::move(proven));
    }
    login_.reset();
  }
}

void Server::login_ready() {
  if (hub->logs(LogLevel::debug)) {
    hub->log(LogLevel::debug, "server " + peer + " logged in as " + pool->record.key.user);
  }
  tx_ = 'I';
  last_error_.clear();
  if (auto order = hub->shared.broker.opened(pool->record)) hub->order(*order);
  apply(ServerEvent::ready);
  hub->node_works(*pool, parameters);
  logged_in_ = state_ == ServerState::idle;  // settle() says who has it
}

}  // namespace heim::session
