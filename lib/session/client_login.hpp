// What a client session needs only until it is admitted.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "auth/client_login.hpp"
#include "session/client.hpp"

namespace heim::session {

struct Client::Login {
  DatabaseView database;
  std::vector<std::pair<std::string, std::string>> extra;  // replication: passed on as it came
  auth::Method method = auth::Method::scram_sha_256;
  std::optional<auth::ClientLogin> exchange;
  Server* relay = nullptr;      // a server that judges
  bool relay_password = false;  // it asked for the password itself
  bool awaits_answer = false;   // it asked, and the client has not answered
  bool asked = false;           // it asked for anything
  bool dedicated = false;
  // Sets what was asked for twice as it was first: PostgreSQL looks at that, too.
  std::string overruled;
  std::string password;  // what was answered, until the server has judged
  std::optional<route::Wanted> wanted;
  Login() = default;
  Login(const Login&) = delete;
  Login& operator=(const Login&) = delete;
  ~Login() { wipe(password.data(), password.size()); }
};

}  // namespace heim::session
