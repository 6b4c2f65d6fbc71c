// One login of a client: we play the server. Sans-IO: message bodies in, messages and a verdict
// out.
//
// Unknown user, expired user and wrong password cannot be told apart: same messages, same number of
// round trips, same number of PBKDF2 rounds, the verdict at the end. That holds where all users of
// the source have the same kind of secret, and where plain secrets come with their verifier derived
// (UserList::derive()); in a mixed source, a user of the rarer kind behaves as that kind does.
// A login spends PBKDF2 rounds only where a plain password is stored without a derived verifier, or
// where a cleartext password meets a stored verifier.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "auth/credentials.hpp"
#include "auth/method.hpp"
#include "auth/step.hpp"
#include "auth/stored_secret.hpp"
#include "base/bytes.hpp"
#include "crypto/random.hpp"

namespace heim::auth {

/// All that a login depends on. A value.
struct ClientLoginInput {
  Method method =
      Method::scram_sha_256;  // trust, password, md5 or scram_sha_256; see choose_method()
  std::string user;
  StoredSecret secret;  // kind none: unknown user
  /// The verifier of a plain `secret`, if known from before (UserList holds it, or derived() of an
  /// earlier login): saves the PBKDF2.
  std::optional<ScramVerifier> derived;
  bool is_tls = false;
  /// tls-server-end-point hash of our certificate. SCRAM-SHA-256-PLUS is offered if it is set and
  /// is_tls.
  std::string endpoint_hash;
  /// A random secret of the process, the same for all logins.
  std::string process_key;
  Usual usual;  // what an unknown user imitates
  WallTime now{};
};

class ClientLogin {
 public:
  /// `random` is used by this call only. Throws std::logic_error for a method that is no login.
  ClientLogin(ClientLoginInput input, crypto::Random& random);
  ~ClientLogin();
  ClientLogin(ClientLogin&&) noexcept;
  ClientLogin& operator=(ClientLogin&&) noexcept;

  /// The first Authentication message. `trust`: ok at once, without bytes (the caller sends
  /// AuthenticationOk itself, here and always).
  Step start();
  /// `body` of a 'p' message, borrowed for the call. Not to be called after ok or failed.
  Step on_password(Bytes body);
  /// After ok: what the login revealed to log in to servers with. Taken once. For trust it is
  /// Credentials::stored().
  /// A plain stored password wins over what SCRAM or md5 reveal, since it opens every server.
  Credentials recovered();
  /// The verifier that was derived from a plain stored password during this login, for the caller
  /// to keep.
  const std::optional<ScramVerifier>& derived() const;
  /// PBKDF2 rounds spent so far: what tests compare, and a metric.
  std::uint64_t rounds() const;

 private:
  struct Exchange;
  std::unique_ptr<Exchange> exchange_;
};

}  // namespace heim::auth
