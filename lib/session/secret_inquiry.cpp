#include "session/secret_inquiry.hpp"

#include "session/hub.hpp"
#include "session/inquiry.hpp"
#include "session/pool.hpp"

namespace heim::session {
namespace {

using Answer = Result<std::optional<auth::StoredSecret>>;

Answer secret_of(Result<std::vector<Inquiry::Row>> result) {
  if (!result) return result.error();
  if (result->empty()) return std::optional<auth::StoredSecret>();
  Inquiry::Row& row = result->front();
  if (row.size() < 2) {
    return Error{"08006", "auth_query must return a name and a secret", {}, {}};
  }
  std::optional secret = auth::StoredSecret::parse(row[1].value_or(std::string()));
  for (auto& column : row) {
    if (column) wipe(column->data(), column->size());
  }
  return secret;
}

// auth_user's own secret, which opens its servers.
void learn_asker(Hub& hub, const std::string& database) {
  const std::string& asker = hub.settings().auth.user;
  const auth::UserList::Entry* entry = hub.rules().users.find(asker);
  if (!entry) return;
  if (entry->secret.kind == auth::SecretKind::plain) {
    hub.shared.server_secrets.learn(database, asker,
                                    auth::Credentials::plain(entry->secret.text.view()));
  } else if (entry->secret.kind == auth::SecretKind::md5) {
    hub.shared.server_secrets.learn(database, asker,
                                    auth::Credentials::md5(entry->secret.text.view()));
  }
}

}  // namespace

void ask_secret(Hub& hub, const DatabaseView& database, const std::string& query,
                const std::string& user, pool::SessionId client) {
  const config::Auth& auth = hub.settings().auth;
  DatabaseView where = auth.dbname.empty() ? database : hub.database(auth.dbname);
  where.user = auth.user;
  const auto choice = hub.choose(route::Wanted::primary);
  Pool* pool = choice ? hub.pool_for(where, auth.user, choice->node) : nullptr;
  if (!pool) {
    hub.find(client)->on_secret(Error{"08006", "auth_query has no primary to ask", {}, {}});
    return;
  }
  learn_asker(hub, where.name);
  Inquiry::start(hub, *pool, {"auth_query", query, {user}, 1},
                 [client](Hub& mine, Result<std::vector<Inquiry::Row>> result, Duration) {
                   if (Client* asker = mine.find(client)) {
                     asker->on_secret(secret_of(std::move(result)));
                   }
                 });
}

}  // namespace heim::session
