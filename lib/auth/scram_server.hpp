// The server's side of one SCRAM exchange: two messages in, two out. Knows no PostgreSQL framing.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "auth/stored_secret.hpp"
#include "base/result.hpp"
#include "crypto/key.hpp"

namespace heim::auth::scram {

class Server {
 public:
  /// What channel binding is possible and chosen. `endpoint_hash` is of our own certificate.
  struct Binding {
    bool offered = false;
    bool selected = false;  // the client chose SCRAM-SHA-256-PLUS
    std::string endpoint_hash;
  };

  Server(std::string nonce, Binding binding)
      : nonce_(std::move(nonce)), binding_(std::move(binding)) {}

  /// Takes client-first-message, gives server-first-message.
  Result<std::string> first(std::string_view message, std::string_view salt,
                            std::uint32_t iterations);
  /// Takes client-final-message: syntax, channel binding and nonce. Who the client is comes next.
  Result<void> final(std::string_view message);
  /// After final(): true if the client's proof matches the verifier.
  bool verify(const ScramVerifier& verifier);
  /// After verify(): server-final-message.
  std::string server_final(const ScramVerifier& verifier) const;
  /// After a true verify(): the client's key, which opens every server with the same verifier.
  const crypto::Key& client_key() const { return client_key_; }

 private:
  Result<std::string_view> read_header(std::string_view message);
  std::string expected_binding() const;

  std::string nonce_;  // ours, then both sides' together
  Binding binding_;
  std::string header_;  // the client's gs2 header
  std::string first_bare_, server_first_, auth_message_;
  crypto::Key proof_, client_key_;
};

}  // namespace heim::auth::scram
