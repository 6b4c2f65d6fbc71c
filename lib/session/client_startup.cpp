// The first packets of a connection, up to the startup packet.
#include <algorithm>

#include "config/caching.hpp"
#include "session/client_login.hpp"
#include "session/hub.hpp"

namespace heim::session {
namespace {

// Statements that set what a later one of them sets otherwise.
std::string overruled_among(const std::vector<std::pair<std::string, std::string>>& settings) {
  std::string sql;
  for (auto one = settings.begin(); one != settings.end(); ++one) {
    const auto rules = [&](const auto& later) {
      return fold(later.first) == fold(one->first) && later.second != one->second;
    };
    if (std::any_of(one + 1, settings.end(), rules)) {
      sql += set_statement(one->first, one->second, true);
    }
  }
  return sql;
}

}  // namespace

void Client::read_startup() {
  while (state_ == ClientState::start && stream_ && !inbox_.empty()) {
    const Bytes bytes = as_bytes(inbox_);
    if (bytes[0] == 0x16 && !tls_ && !tls_asked_) {
      if (!hub.transport.can_serve_tls()) return leave("it spoke TLS, which is not configured");
      direct_tls_ = true;
      apply(ClientEvent::tls_begins);
      stream_->start_tls_server(bytes);
      inbox_.clear();
      return;
    }
    const auto length = wire::startup_length(bytes);
    if (!length) return fail(length.error().sqlstate, length.error().message);
    if (*length == 0 || bytes.size() < *length) return;
    const auto packet = wire::read_startup(bytes.first(*length));
    if (!packet) return fail(packet.error().sqlstate, packet.error().message);
    const std::size_t more = bytes.size() - *length;
    inbox_.erase(0, *length);
    if (!startup_packet(*packet, more)) return;
  }
}

// False if nothing more is to be read for now.
bool Client::startup_packet(const wire::StartupPacket& packet, std::size_t more) {
  switch (packet.kind) {
    case wire::StartupKind::ssl:
      return tls_request(more);
    case wire::StartupKind::gssenc: {
      const Bytes no = as_bytes("N");
      stream_->write({&no, 1});
      return true;
    }
    case wire::StartupKind::cancel:
      hub.cancel_requested(packet.cancel_pid, packet.cancel_secret, *this);
      return false;
    case wire::StartupKind::startup:
      begin_session(packet);
      return false;
  }
  return false;
}

bool Client::tls_request(std::size_t more) {
  if (tls_ || tls_asked_) {
    fail("08P01", "unexpected SSLRequest");
    return false;
  }
  tls_asked_ = true;
  const bool accept = hub.transport.can_serve_tls() && !stream_->is_unix();
  // Bytes sent in plain text behind the request would be taken for encrypted ones.
  if (accept && more > 0) {
    fail("08P01", "received unencrypted data after SSL request");
    return false;
  }
  const Bytes answer = as_bytes(accept ? "S" : "N");
  stream_->write({&answer, 1});
  if (!accept) return true;
  apply(ClientEvent::tls_begins);
  stream_->start_tls_server();
  return false;
}

bool Client::tls_satisfies() {
  const SslMode wanted = hub.settings().client_tls.mode;
  return tls_ || wanted < SslMode::require || stream_->is_unix();
}

void Client::begin_session(const wire::StartupPacket& packet) {
  login_ = std::make_unique<Login>();
  counted_ = stream_->purpose() == 0;  // not the proxy's own sessions
  const std::uint32_t clients = counted_ ? hub.shared.clients.fetch_add(1) + 1 : 0;
  user = packet.find("user");
  if (user.empty()) return fail("28000", "no PostgreSQL user name specified in startup packet");
  database_name = packet.find("database");
  if (database_name.empty()) database_name = user;
  if (!tls_satisfies()) return fail("28000", "this proxy accepts connections with TLS only");
  if (hub.draining()) return fail("57P03", "the proxy is shutting down");
  if (clients > hub.settings().proxy.max_client_conn) {
    return fail("53300", "sorry, too many clients already",
                "The limit is max_client_conn in section [proxy].");
  }
  if (!take_parameters(packet)) return;
  const std::string answer = wire::negotiate(packet, 2);
  const Bytes segment = as_bytes(answer);
  if (!answer.empty()) stream_->write({&segment, 1});
  // Protocol 3.2 has room for a key that cannot be guessed; 3.0 has four bytes.
  secret = hub.random.bytes(packet.version >= wire::version_3_2 ? 32 : 4);
  login_->database = hub.database(database_name);
  authenticate();
}

// False if one is wrong: the session has ended. One of them is meant for us.
bool Client::check_settings(const std::vector<std::pair<std::string, std::string>>& settings) {
  for (const auto& [parameter, value] : settings) {
    if (is_statement_item(parameter)) {  // no server has a setting of such a name
      fail("42704", "unrecognized configuration parameter \"" + parameter.substr(1) + "\"");
      return false;
    }
    if (parameter == "heimproxy.cache" && !config::parse_caching(value)) {
      fail("22023", "heimproxy.cache must be on, off or a duration like 60s, not " + value);
      return false;
    }
    if (parameter != "heimproxy.route") continue;
    const auto wish = route::parse_wish(value);
    if (!wish) {
      fail("22023",
           "heimproxy.route must be auto, primary, standby, nearest or node:NAME, not " + value);
      return false;
    }
    login_->wanted =
        wish->kind == route::Wish::Kind::standby ? route::Wanted::standby : route::Wanted::primary;
  }
  return true;
}

// False if it is wrong: the session has ended.
bool Client::take_parameter(const std::string& parameter, const std::string& value,
                            std::vector<std::pair<std::string, std::string>>& settings) {
  if (parameter == "replication") {
    const std::string word = fold(value);
    if (word == "database") replication = "logical";
    if (word == "true" || word == "on" || word == "yes" || word == "1") replication = "physical";
    return true;
  }
  if (parameter != "options") {
    settings.emplace_back(parameter, value);
    return true;
  }
  const auto parsed = parse_options(value, settings);
  if (!parsed) fail(parsed.error().sqlstate, parsed.error().message, parsed.error().hint);
  return static_cast<bool>(parsed);
}

// False if a parameter is wrong: the session has ended.
bool Client::take_parameters(const wire::StartupPacket& packet) {
  std::vector<std::pair<std::string, std::string>> settings;
  const auto& ignored = hub.settings().proxy.ignore_startup_parameters;
  // A parameter of its own counts more than one in `options`, wherever it stands.
  auto parameters = packet.parameters;
  std::stable_partition(parameters.begin(), parameters.end(),
                        [](const auto& item) { return fold(item.first) == "options"; });
  for (const auto& [given, value] : parameters) {
    const std::string parameter = setting_name(given);
    if (parameter == "user" || parameter == "database") continue;
    if (std::find(ignored.begin(), ignored.end(), parameter) != ignored.end()) continue;
    if (!take_parameter(parameter, value, settings)) return false;
    login_->extra.emplace_back(given, value);
  }
  if (!check_settings(settings)) return false;
  const bool kept = hub.guide.on() && !is_on_standby();
  std::erase_if(settings,
                [&](const auto& item) { return !kept && item.first == "heimproxy.route"; });
  login_->overruled = overruled_among(settings);
  vars = startup_vars_ = hub.setting_table.intern(std::move(settings));
  return true;
}

}  // namespace heim::session
