// What auth_file or auth_query says of a user: the thing a login is checked against.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/secret.hpp"
#include "crypto/key.hpp"
#include "crypto/random.hpp"

namespace heim::auth {

/// Calendar time, for VALID UNTIL. Whoever drives the engine passes it in.
using WallTime = std::chrono::system_clock::time_point;

/// PostgreSQL's default for scram_iterations, and the count it feigns for unknown users.
inline constexpr std::uint32_t default_iterations = 4096;
/// More is refused: whoever names the count would also name how long this thread is busy.
inline constexpr std::uint32_t max_iterations = 1'000'000;
inline constexpr std::size_t default_salt_size = 16;

enum class SecretKind : std::uint8_t {
  none,  // no such user, or no password: nobody can log in with it
  plain,
  md5,    // "md5" and 32 hexadecimal digits: md5(password + user)
  scram,  // a ScramVerifier
};

/// "SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey". Wiped on destruction.
struct ScramVerifier {
  std::uint32_t iterations = default_iterations;
  std::string salt;  // raw bytes
  crypto::Key stored_key;
  crypto::Key server_key;

  /// nullopt if `text` is not a well-formed verifier with 1 to max_iterations iterations.
  static std::optional<ScramVerifier> parse(std::string_view text);
  /// Of a plain password (SASLprep is done here). Costs `iterations` rounds of PBKDF2.
  static ScramVerifier derive(std::string_view password, std::string_view salt,
                              std::uint32_t iterations);
  std::string to_string() const;
};

/// A value. Wiped on destruction.
struct StoredSecret {
  SecretKind kind = SecretKind::none;
  Secret text;                          // plain: the password; md5: "md5..." as stored
  std::optional<ScramVerifier> scram;   // set if kind is scram
  std::optional<WallTime> valid_until;  // a login at or after it fails like a wrong password

  /// Tells the kind by the form, as PostgreSQL does. Empty text is `none`; text that looks like a
  /// verifier or md5 hash but is malformed is a plain password.
  static StoredSecret parse(std::string_view text);
  bool expired(WallTime now) const { return valid_until && now >= *valid_until; }
};

/// What logins of unknown users imitate, so that they cannot be told from known ones: the kind,
/// round count and salt size most users of the source have. UserList::usual() finds it.
struct Usual {
  SecretKind kind = SecretKind::scram;
  std::uint32_t iterations = default_iterations;
  std::size_t salt_size = default_salt_size;
  /// Plain secrets come with their verifier derived already, so a SCRAM login of one costs no
  /// PBKDF2.
  bool derived = false;
};

/// The salt of a user who has no stored one: the same for every login, and not to be told from a
/// real one without `process_key`. Used for plain stored passwords and for unknown users alike.
std::string steady_salt(std::string_view process_key, std::string_view user,
                        std::size_t size = default_salt_size);

}  // namespace heim::auth
