// A client that logs in by SCRAM-SHA-256, for scripts.
#pragma once
#include <string>
#include <string_view>

#include "auth/scram_client.hpp"
#include "messages.hpp"

namespace heim::session::test {

class ScramClient {
 public:
  explicit ScramClient(std::string_view password)
      : password_(password), client_("cnonce", "n,,", "") {}
  /// SASLInitialResponse.
  std::string initial(std::string_view mechanism = "SCRAM-SHA-256") {
    const std::string first = client_.first();
    std::string out;
    wire::Writer(out, 'p')
        .string(mechanism)
        .u32(static_cast<std::uint32_t>(first.size()))
        .bytes(first);
    return out;
  }
  /// SASLResponse to a whole AuthenticationSASLContinue message.
  std::string final(std::string_view message) {
    const auto challenge = client_.read_first(message.substr(9));
    if (!challenge) return message_of("no challenge");
    keys_ = auth::ScramKeys::derive(password_, challenge->salt, challenge->iterations);
    return message_of(client_.final(keys_));
  }
  /// Whether a whole AuthenticationSASLFinal message proves that the other side knows the password.
  bool proves(std::string_view message) const {
    return message.size() > 9 && static_cast<bool>(client_.read_final(message.substr(9), keys_));
  }

 private:
  static std::string message_of(std::string_view body) { return message('p', body); }
  std::string password_;
  auth::scram::Client client_;
  auth::ScramKeys keys_;
};

}  // namespace heim::session::test
