// What we log in to servers with.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "auth/stored_secret.hpp"
#include "base/secret.hpp"
#include "crypto/key.hpp"

namespace heim::auth {

/// SCRAM keys of one user, good wherever the server's verifier has this salt and iteration count.
/// Wiped on destruction (the salt is public).
struct ScramKeys {
  crypto::Key client_key;
  crypto::Key server_key;
  std::string salt;  // raw bytes
  std::uint32_t iterations = 0;

  /// Of a plain password. Costs `iterations` rounds of PBKDF2.
  static ScramKeys derive(std::string_view password, std::string_view salt,
                          std::uint32_t iterations);
};

enum class CredentialKind : std::uint8_t { none, plain, md5, scram };

/// A value, wiped on destruction.
struct Credentials {
  CredentialKind kind = CredentialKind::none;
  Secret text;                    // plain: the password; md5: "md5" and 32 hexadecimal digits
  std::optional<ScramKeys> keys;  // scram: always set. plain: keys derived before, if any

  /// What the stored secret alone opens: plain and md5 as they are, nothing for a verifier. For
  /// methods where the client reveals nothing (trust, cert, peer).
  static Credentials stored(const StoredSecret& secret);
  static Credentials plain(std::string_view password) {
    return {CredentialKind::plain, Secret(password), std::nullopt};
  }
  static Credentials md5(std::string_view hash) {
    return {CredentialKind::md5, Secret(hash), std::nullopt};
  }
  static Credentials scram(ScramKeys keys) {
    return {CredentialKind::scram, Secret(), std::move(keys)};
  }
};

}  // namespace heim::auth
