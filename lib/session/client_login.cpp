// Who the client is, and the greeting.
#include "session/client_login.hpp"

#include "auth/identity.hpp"
#include "auth/method.hpp"
#include "session/client_held.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"
#include "session/secret_inquiry.hpp"

namespace heim::session {
namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// As PostgreSQL reports it: printable ASCII, at most 63 bytes.
std::string clean_name(std::string text) {
  if (text.size() > 63) text.resize(63);
  for (char& c : text) {
    if (c < 32 || c > 126) c = '?';
  }
  return text;
}

// A session of this process may have brought what opens servers, where clients' logins alone did
// before.
void use_given_secret(Client& client) {
  Pool& pool = *client.pool;
  if (!client.hub.shared.server_secrets.has(client.database_name, pool.record.key.user)) return;
  pool.relay = false;
  client.hub.shared.broker.set_can_open(pool.record, true);
}

}  // namespace

void Client::authenticate() {
  if (stream_->is_own_process()) {
    login_->method = auth::Method::trust;
    return authenticated();
  }
  const std::string peer_address = stream_->peer_name();
  const auth::HbaRequest request{stream_->is_unix() ? auth::ConnKind::local
                                 : tls_             ? auth::ConnKind::tls
                                                    : auth::ConnKind::tcp,
                                 database_name, user, peer_address, replication == "physical"};
  std::optional<auth::Method> method = auth::method_of(hub.settings().auth.type);
  if (!method) method = hub.rules().hba.match(request);
  if (!method || *method == auth::Method::reject) {
    return fail("28000", "no HBA rule admits user \"" + user + "\" to database \"" + database_name +
                             "\" from " + peer_address);
  }
  login_->method = *method;
  switch (*method) {
    case auth::Method::relay:
      return start_relay();
    case auth::Method::trust:
      return authenticated();
    case auth::Method::cert:
      return tls_ && auth::certificate_names(*tls_, user) ? authenticated() : wrong_certificate();
    case auth::Method::peer:
      return auth::peer_is(stream_->peer_user(), user)
                 ? authenticated()
                 : fail("28000", "Peer authentication failed for user \"" + user + "\"");
    default:
      return ask_secret();
  }
}

void Client::wrong_certificate() {
  fail("28000", "certificate authentication failed for user \"" + user + "\"");
}

// From auth_file, or from auth_query.
void Client::ask_secret() {
  if (const auth::UserList::Entry* entry = hub.rules().users.find(user)) {
    return challenge(entry->secret, entry->derived);
  }
  const std::string& query =
      login_->database.auth_query.empty() ? hub.settings().auth.query : login_->database.auth_query;
  if (query.empty() || is_console(database_name)) return challenge({}, std::nullopt);
  const auto cached = hub.secrets.find({database_name, user});
  if (cached != hub.secrets.end() && cached->second.until > hub.now()) {
    return challenge(cached->second.secret, cached->second.derived);
  }
  apply(ClientEvent::secret_wanted);
  session::ask_secret(hub, login_->database, query, user, id);
}

void Client::on_secret(Result<std::optional<auth::StoredSecret>> answer) {
  if (state_ != ClientState::secret) return;
  if (!answer) {
    return fail(answer.error().sqlstate, answer.error().message);
  }
  const auth::StoredSecret found = *answer ? **answer : auth::StoredSecret{};
  Hub::SecretAnswer kept{found, std::nullopt, hub.now() + hub.settings().auth.cache_ttl};
  if (hub.secrets.size() > 10000) hub.secrets.clear();
  hub.secrets[{database_name, user}] = std::move(kept);
  challenge(found, std::nullopt);
  if (state_ == ClientState::auth && !inbox_.empty()) process_inbox();
}

void Client::challenge(auth::StoredSecret stored, std::optional<auth::ScramVerifier> derived) {
  const auth::Usual usual = hub.rules().users.usual();
  const bool is_private = tls_ || stream_->is_loopback() || stream_->is_unix();
  auth::ClientLoginInput input;
  input.method = auth::choose_method(login_->method, stored.kind, is_private, usual.kind);
  if (input.method == auth::Method::reject) {
    return fail("28000",
                "password authentication needs TLS, since anybody on the way could read it");
  }
  input.user = user;
  input.secret = std::move(stored);
  input.derived = std::move(derived);
  input.is_tls = tls_ != nullptr;
  input.endpoint_hash = tls_ ? hub.transport.endpoint_hash() : std::string();
  input.process_key = hub.shared.process_key;
  input.usual = usual;
  input.now = hub.shared.wall_clock();
  login_->exchange.emplace(std::move(input), hub.shared.random);
  login_step(login_->exchange->start());
}

void Client::on_password(Bytes message) {
  if (state_ == ClientState::relay) {
    if (!login_->relay) return;
    login_->awaits_answer = false;
    if (login_->relay_password) {
      login_->password = as_text(message.subspan(wire::header_size));
      if (!login_->password.empty()) login_->password.pop_back();
    }
    return login_->relay->relay_password(message);
  }
  if (!login_ || !login_->exchange) return protocol_error("a password nobody asked for");
  login_step(login_->exchange->on_password(message.subspan(wire::header_size)));
}

void Client::login_step(auth::Step step) {
  if (!step.bytes.empty()) {
    const Bytes segment = as_bytes(step.bytes);
    stream_->write({&segment, 1});
  }
  switch (step.progress) {
    case auth::Progress::more:
      return apply(ClientEvent::challenged);
    case auth::Progress::failed:
      if (step.error) return fail(step.error->sqlstate, step.error->message);
      return wrong_password();
    case auth::Progress::ok:
      break;
  }
  remember_login();
  authenticated();
}

// A login that revealed nothing (trust, cert, peer): what auth_file says opens servers.
void Client::use_stored_secret() {
  if (login_->exchange && login_->method != auth::Method::trust) return;
  const auth::UserList::Entry* entry = hub.rules().users.find(user);
  if (!entry || !login_->database.user.empty()) return;
  if (hub.shared.server_secrets.known(database_name, user).kind != auth::CredentialKind::none)
    return;
  auth::Credentials stored = auth::Credentials::stored(entry->secret);
  if (stored.kind != auth::CredentialKind::none)
    hub.shared.server_secrets.learn(database_name, user, std::move(stored));
}

// What the login revealed opens servers for this pool.
void Client::remember_login() {
  if (is_console(database_name)) return;
  if (login_->exchange->derived()) {
    const auto cached = hub.secrets.find({database_name, user});
    if (cached != hub.secrets.end()) cached->second.derived = login_->exchange->derived();
  }
  auth::Credentials revealed = login_->exchange->recovered();
  if (revealed.kind == auth::CredentialKind::none || !login_->database.user.empty()) return;
  hub.shared.server_secrets.learn(database_name, user, std::move(revealed));
}

void Client::wrong_password() {
  hub.secrets.erase({database_name, user});
  fail("28P01", "password authentication failed for user \"" + user + "\"");
}

bool Client::console_allowed(bool& admin) const {
  const config::Proxy& proxy = hub.settings().proxy;
  admin = contains(proxy.admin_users, user) || stream_->is_own_process();
  if (admin || contains(proxy.stats_users, user)) return true;
  // Without secrets of our own, who sits at this machine may look and act; nobody else.
  const bool here = stream_->is_loopback() || stream_->is_unix();
  admin = here && login_->method == auth::Method::relay;
  return admin;
}

void Client::authenticated() {
  if (is_console(database_name)) {
    bool admin = false;
    if (!console_allowed(admin)) {
      return fail("28000", "user \"" + user + "\" may not use the console",
                  "List the user in admin_users or stats_users in section [proxy].");
    }
    return open_console(admin);
  }
  use_stored_secret();
  apply(ClientEvent::authenticated);
  if (!replication.empty()) return open_dedicated(false);
  if (!choose_pool()) return;
  if (stream_->is_own_process()) use_given_secret(*this);
  greet();
}

void Client::open_console(bool admin) {
  if (!hub.console) return fail("0A000", "there is no console here");
  admin_ = admin;
  apply(ClientEvent::console_opened);
  login_.reset();
  std::string out;
  wire::authentication(out, 0);
  const Bytes segment = as_bytes(out);
  stream_->write({&segment, 1});
  console_ = hub.console->open(*this, admin);
  process_inbox();
}

// Where statements are not routed one by one, a session that asks for a standby is on one as a
// whole.
bool Client::is_on_standby() const {
  if (login_->wanted != route::Wanted::standby) return false;
  return hub.settings().routing.reads == config::Reads::primary ||
         hub.mode_for(hub.database(database_name), user) == config::PoolMode::session;
}

bool Client::choose_pool() {
  const DatabaseView& view = login_->database;
  mode = hub.mode_for(view, user);
  splits_ = hub.guide.on() && view.route == config::Route::primary && !is_on_standby() &&
            mode != config::PoolMode::session && replication.empty();
  route::Wanted wanted = login_->wanted.value_or(
      view.route == config::Route::standby ? route::Wanted::standby : route::Wanted::primary);
  if (splits_) wanted = route::Wanted::primary;  // what it reads is routed as it comes
  auto choice = hub.choose(wanted);
  if (!choice) choice = Held::place_to_wait(hub);
  if (!choice) {
    fail("08006", "no node of the cluster can serve this",
         "Check the role of the [[nodes]] in the configuration.");
    return false;
  }
  route_reason = choice->reason;
  wanted_ = wanted;
  pool = hub.pool_for(view, view.user.empty() ? user : view.user, choice->node);
  ++pool->clients;
  if (pool->disabled) {
    fail("57P03", "database \"" + database_name + "\" is disabled");
    return false;
  }
  return true;
}

// In session mode a session is a server's from its beginning, and tells its pid (decision 013).
void Client::greet() {
  if (mode != config::PoolMode::session) {
    const Settings known = login_->overruled.empty() ? known_greeting() : nullptr;
    if (known) return admit(known);
  }
  wait_start_ = ticket_.since = hub.now();
  if (Held(*this).lacks_role()) return join_line();
  if (hub.is_cut_off(*pool)) return fail_cut_off();
  if (Server* idle = pool->take_idle(vars)) return link(*idle);
  join_line();
}

// What a server answered to the same parameters before. The name of the application is what it is
// said to be: it makes no other greeting.
Settings Client::known_greeting() {
  const Settings key = hub.setting_table.without(vars, "application_name");
  Settings found;
  if (const auto it = pool->greetings.find(key); it != pool->greetings.end()) {
    found = it->second;
  } else if (auto items = hub.shared.greeting(pool->record, key->wire)) {
    found = pool->greetings[key] = hub.setting_table.intern(std::move(*items));
  }
  return found ? hub.setting_table.with(found, "application_name", clean_name(application_name()))
               : nullptr;
}

void Client::fail_cut_off() {
  fail("08006", "no server connection for this user is left, and none can be opened",
       "Log in again, or configure auth_file or auth_query so that the proxy can log in by "
       "itself.");
}

void Client::keep_greeting(const Settings& parameters) {
  if (pool->greetings.size() > 1000) pool->greetings.clear();
  const Settings key = hub.setting_table.without(vars, "application_name");
  pool->greetings[key] = parameters;
  hub.shared.keep_greeting(pool->record, key->wire, parameters->items);
}

// `parameters`: as a server reports them once it has this client's settings.
void Client::admit(const Settings& parameters) {
  told_ = parameters;
  std::string out;
  wire::authentication(out, 0);
  out += parameters->wire;
  write_key(out);
  wire::ready(out, 'I');
  ++pool->meter->total.client_login_count;
  if (hub.logs(LogLevel::info) && hub.settings().log.connections) {
    hub.log(LogLevel::info, "client " + database_name + "/" + user + "@" + stream_->peer_name() +
                                " logged in" + (tls_ ? " over " + tls_text : std::string()));
  }
  login_.reset();
  const Bytes segment = as_bytes(out);
  stream_->write({&segment, 1});
  apply(ClientEvent::admitted);
}

void Client::wait_ended() {
  if (!pool->last_error.empty()) return fail_raw(pool->last_error);
  fail("53300", "no server connection became free within query_wait_timeout");
}

void Client::write_key(std::string& out) const { wire::Writer(out, 'K').u32(pid).bytes(secret); }

}  // namespace heim::session
