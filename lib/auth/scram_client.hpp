// The client's side of one SCRAM exchange: two messages in, two out. Knows no PostgreSQL framing.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "auth/credentials.hpp"
#include "base/result.hpp"

namespace heim::auth::scram {

class Client {
 public:
  /// `header` is the gs2 header ("n,,", "y,," or binding_header()), `binding_data` what follows it
  /// in the channel-binding attribute (the endpoint hash, or nothing).
  Client(std::string nonce, std::string header, std::string binding_data)
      : nonce_(std::move(nonce)),
        header_(std::move(header)),
        binding_data_(std::move(binding_data)) {}

  struct Challenge {
    std::string salt;  // raw bytes
    std::uint32_t iterations = 0;
  };

  /// client-first-message.
  std::string first() const;
  /// Takes server-first-message.
  Result<Challenge> read_first(std::string_view message);
  /// client-final-message, after read_first(). `keys` belong to the challenge.
  std::string final(const ScramKeys& keys);
  /// Takes server-final-message: an error unless the server proves that it knows the user's secret.
  Result<void> read_final(std::string_view message, const ScramKeys& keys) const;

 private:
  std::string bare() const;

  std::string nonce_;  // ours, then both sides' together
  std::string header_, binding_data_;
  std::string first_bare_, server_first_, auth_message_;
};

}  // namespace heim::auth::scram
