// auth_file: PgBouncer's userlist.txt. Text in; lookups out. Reading the file is the caller's.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "auth/stored_secret.hpp"
#include "base/result.hpp"

namespace heim::auth {

/// Immutable once made and derived; then [any thread].
///
/// One user a line: `"name" "secret" anything else is ignored`. `""` inside a field is one quote.
/// Empty lines, and lines that start with ';' or '#', are skipped. The secret is a plain password,
/// an md5 hash or a SCRAM verifier; an empty one means the user cannot log in with a password. A
/// name given twice: the last one wins.
class UserList {
 public:
  struct Entry {
    StoredSecret secret;
    std::optional<ScramVerifier> derived;  // of a plain secret, after derive()
  };

  /// The error (F0000, config_file_error) names the line.
  static Result<UserList> parse(std::string_view text);
  /// Derives the verifiers of all plain secrets, so that SCRAM logins cost no PBKDF2 and take as
  /// long for known as for unknown users. About 2 ms a user: call it at load, not on a loop that
  /// serves clients. Entries that `before` already derived for the same password are copied.
  void derive(std::string_view process_key, const UserList* before = nullptr);
  /// Null if the user is not in the list. Borrowed for the life of the list.
  const Entry* find(std::string_view user) const;
  /// What unknown users should imitate: what most entries are.
  const Usual& usual() const { return usual_; }
  std::size_t size() const { return users_.size(); }

 private:
  struct TextHash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  Usual find_usual() const;

  Usual usual_;
  std::unordered_map<std::string, Entry, TextHash, std::equal_to<>> users_;
};

}  // namespace heim::auth
