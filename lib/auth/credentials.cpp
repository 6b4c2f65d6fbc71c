#include "auth/credentials.hpp"

#include "auth/saslprep.hpp"

namespace heim::auth {

ScramKeys ScramKeys::derive(std::string_view password, std::string_view salt,
                            std::uint32_t iterations) {
  const Secret prepared = saslprep(password);
  const crypto::Key salted(crypto::pbkdf2_sha256(prepared.view(), salt, iterations));
  return {crypto::Key(crypto::hmac_sha256(salted.view(), "Client Key")),
          crypto::Key(crypto::hmac_sha256(salted.view(), "Server Key")), std::string(salt),
          iterations};
}

Credentials Credentials::stored(const StoredSecret& secret) {
  if (secret.kind == SecretKind::plain) return plain(secret.text.view());
  if (secret.kind == SecretKind::md5) return md5(secret.text.view());
  return {};
}

}  // namespace heim::auth
