// One login of ours to a PostgreSQL server: we play the client. Sans-IO: message bodies in,
// messages and a verdict out.
#pragma once
#include <memory>
#include <string>

#include "auth/credentials.hpp"
#include "auth/step.hpp"
#include "base/bytes.hpp"
#include "crypto/random.hpp"

namespace heim::auth {

struct ServerLoginInput {
  std::string user;
  Credentials credentials;
  bool is_tls = false;
  /// tls-server-end-point hash of the server's certificate; SCRAM-SHA-256-PLUS is used if it is
  /// set, is_tls, and the server offers it.
  std::string endpoint_hash;
  /// False: a server that asks for the password itself is refused.
  bool allow_cleartext = true;
};

class ServerLogin {
 public:
  /// `random` outlives the login.
  ServerLogin(ServerLoginInput input, crypto::Random& random);
  ~ServerLogin();
  ServerLogin(ServerLogin&&) noexcept;
  ServerLogin& operator=(ServerLogin&&) noexcept;

  /// `body` of an 'R' message (code and rest), borrowed for the call. `ok` is AuthenticationOk. A
  /// failed step has an error whose message names the user, the method and what to configure.
  /// ErrorResponse from the server (wrong password) is the caller's to handle.
  Step on_authentication(Bytes body);
  /// After ok: the credentials given, and for a plain password the keys derived for this server, so
  /// that the next login costs no PBKDF2.
  Credentials take_credentials();
  /// PBKDF2 rounds spent so far.
  std::uint64_t rounds() const;

 private:
  struct Exchange;
  std::unique_ptr<Exchange> exchange_;
};

}  // namespace heim::auth
