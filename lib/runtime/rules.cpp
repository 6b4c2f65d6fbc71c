#include "runtime/rules.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace heim::runtime {
namespace {

Result<std::string> read_file(const std::string& key, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    return Error{"F0000", key + ": cannot read " + path + ": " + std::strerror(errno), {}, {}};
  }
  return text.str();
}

Error named(const std::string& key, const std::string& path, const Error& error) {
  return {error.sqlstate, key + ": " + path + ": " + error.message, {}, {}};
}

Result<void> load_users(session::Rules& rules, const std::string& process_key,
                        const session::Rules* before) {
  const std::string& path = rules.settings.auth.file;
  if (path.empty()) return {};
  Result<std::string> text = read_file("auth.file", path);
  if (!text) return text.error();
  Result<auth::UserList> users = auth::UserList::parse(*text);
  wipe(text->data(), text->size());
  if (!users) return named("auth.file", path, users.error());
  rules.users = std::move(*users);
  rules.users.derive(process_key, before ? &before->users : nullptr);
  return {};
}

Result<void> load_hba(session::Rules& rules) {
  const std::string& path = rules.settings.auth.hba_file;
  if (path.empty()) return {};
  Result<std::string> text = read_file("auth.hba_file", path);
  if (!text) return text.error();
  Result<auth::Hba> hba = auth::Hba::parse(*text);
  if (!hba) return named("auth.hba_file", path, hba.error());
  rules.hba = std::move(*hba);
  return {};
}

Result<void> load_tls(Rules& rules, const config::Settings& settings) {
  if (settings.client_tls.mode != SslMode::disable) {
    const config::ClientTls& given = settings.client_tls;
    auto context = io::TlsContext::server({given.mode, given.cert_file, given.key_file,
                                           given.ca_file, given.ciphers, given.min_version});
    if (!context) return Error{"F0000", "client_tls: " + context.error().message, {}, {}};
    rules.client_tls = std::move(*context);
  }
  if (settings.server_tls.mode != SslMode::disable) {
    const config::ServerTls& given = settings.server_tls;
    auto context = io::TlsContext::client({given.mode, given.cert_file, given.key_file,
                                           given.ca_file, given.ciphers, given.min_version});
    if (!context) return Error{"F0000", "server_tls: " + context.error().message, {}, {}};
    rules.server_tls = std::move(*context);
  }
  return {};
}

}  // namespace

Result<session::RulesRef> load_session_rules(const config::Settings& settings,
                                             const std::string& process_key,
                                             const session::Rules* before) {
  auto rules = std::make_shared<session::Rules>();
  rules->settings = settings;
  if (auto loaded = load_users(*rules, process_key, before); !loaded) return loaded.error();
  if (auto loaded = load_hba(*rules); !loaded) return loaded.error();
  if (!settings.rules.empty()) {
    auto routes = route::Rules::compile(settings.rules);
    if (!routes) return routes.error();
    rules->routes = std::move(*routes);
  }
  return session::RulesRef(std::move(rules));
}

Result<Rules> load_rules(const config::Settings& settings, const std::string& process_key,
                         const session::Rules* before) {
  Rules rules;
  auto session = load_session_rules(settings, process_key, before);
  if (!session) return session.error();
  rules.session = std::move(*session);
  if (auto loaded = load_tls(rules, settings); !loaded) return loaded.error();
  return rules;
}

}  // namespace heim::runtime
