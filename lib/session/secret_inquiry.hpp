// auth_query: a user's secret, asked of the server.
#pragma once
#include <string>

#include "session/client.hpp"

namespace heim::session {

/// Asks `query` with `user` as its parameter, as auth_user; Client::on_secret() of `client` gets
/// the answer.
void ask_secret(Hub& hub, const DatabaseView& database, const std::string& query,
                const std::string& user, pool::SessionId client);

}  // namespace heim::session
