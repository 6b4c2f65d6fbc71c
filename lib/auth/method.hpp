// The ways a client can prove who it is, and which one a login uses.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "auth/stored_secret.hpp"
#include "config/settings.hpp"

namespace heim::auth {

/// What a rule asks for. `relay`: the server itself judges; there is no ClientLogin then.
/// `cert` and `peer` are decided at once, by auth/identity.hpp.
enum class Method : std::uint8_t { reject, trust, password, md5, scram_sha_256, cert, peer, relay };

/// The word that stands for it in an HBA file.
std::string_view name(Method method);
/// nullopt if the word names no method.
std::optional<Method> parse_method(std::string_view word);
/// What `[auth] type` means as a method; nullopt for `hba`: the rules say it.
std::optional<Method> method_of(config::AuthType type);

/// The method a login really uses. `md5` becomes SCRAM where a SCRAM verifier is stored, as in
/// PostgreSQL and PgBouncer. `password` on a channel that others can read (neither TLS nor loopback
/// nor a unix socket) becomes `reject`. An unknown user gets what `usual` (UserList::usual()) would
/// get.
Method choose_method(Method configured, SecretKind stored, bool private_channel,
                     SecretKind usual = SecretKind::scram);

}  // namespace heim::auth
