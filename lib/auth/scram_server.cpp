#include "auth/scram_server.hpp"

#include "auth/scram.hpp"
#include "crypto/base64.hpp"
#include "crypto/compare.hpp"

namespace heim::auth::scram {
namespace {

constexpr std::string_view no_binding_data =
    "The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not include channel "
    "binding data.";

/// A gs2 header split in its parts. `size` includes the comma after the authorization identity.
struct Header {
  char flag = 0;
  std::string_view type;  // for flag 'p'
  std::size_t size = 0;
};

Result<Header> split_header(std::string_view message) {
  Header header;
  if (message.empty()) return malformed("The message is empty.");
  header.flag = message[0];
  std::size_t flag_end = 1;
  if (header.flag == 'p') {
    Attributes attributes(message);
    const auto type = attributes.next('p');
    if (!type) return malformed("A channel-binding type was expected.");
    header.type = *type;
    flag_end = 2 + type->size();
  } else if (header.flag != 'n' && header.flag != 'y') {
    return malformed("Unexpected channel-binding flag.");
  }
  if (flag_end >= message.size() || message[flag_end] != ',') {
    return malformed("Comma expected after the channel-binding flag.");
  }
  if (message.substr(flag_end + 1).starts_with("a=")) {
    return Error{"0A000", "client uses authorization identity, but it is not supported", {}, {}};
  }
  if (!message.substr(flag_end + 1).starts_with(',')) {
    return malformed("Unexpected attribute in client-first-message.");
  }
  header.size = flag_end + 2;
  return header;
}

Result<void> check_flag(const Header& header, const Server::Binding& binding) {
  if (header.flag == 'p') {
    if (!binding.selected) {
      return malformed(
          "The client selected SCRAM-SHA-256 without channel binding, but the SCRAM message "
          "includes channel binding data.");
    }
    if (header.type != binding_type) {
      return Error{"08P01", "unsupported SCRAM channel-binding type", {}, {}};
    }
    return {};
  }
  if (binding.selected) return malformed(std::string(no_binding_data));
  if (header.flag == 'y' && binding.offered) {
    // Someone between us took the -PLUS out of our offer.
    return Error{"28000",
                 "SCRAM channel binding negotiation error",
                 "The client supports SCRAM channel binding but thinks the server does not. "
                 "However, this server does support channel binding.",
                 {}};
  }
  return {};
}

}  // namespace

Result<std::string_view> Server::read_header(std::string_view message) {
  const auto header = split_header(message);
  if (!header) return header.error();
  if (const auto checked = check_flag(*header, binding_); !checked) return checked.error();
  header_ = message.substr(0, header->size);
  return message.substr(header->size);
}

Result<std::string> Server::first(std::string_view message, std::string_view salt,
                                  std::uint32_t iterations) {
  if (message.find('\0') != std::string_view::npos) {
    return malformed("Message length does not match input length.");
  }
  const auto bare = read_header(message);
  if (!bare) return bare.error();
  if (bare->starts_with("m=")) {
    return Error{"0A000", "client requires an unsupported SCRAM extension", {}, {}};
  }
  Attributes attributes(*bare);
  // The name is that of the startup packet; what stands here is ignored, as PostgreSQL does.
  if (!attributes.next('n')) return malformed("Attribute \"n\" expected.");
  const auto client_nonce = attributes.next('r');
  if (!client_nonce) return malformed("Attribute \"r\" expected.");
  if (!is_nonce(*client_nonce)) {
    return Error{"08P01", "non-printable characters in SCRAM nonce", {}, {}};
  }
  while (!attributes.done()) {
    if (!attributes.next()) return malformed("Attribute expected.");
  }
  first_bare_ = *bare;
  nonce_.insert(0, *client_nonce);
  server_first_ =
      "r=" + nonce_ + ",s=" + crypto::base64_encode(salt) + ",i=" + std::to_string(iterations);
  return server_first_;
}

std::string Server::expected_binding() const {
  if (binding_.selected) return crypto::base64_encode(header_ + binding_.endpoint_hash);
  return crypto::base64_encode(header_);
}

Result<void> Server::final(std::string_view message) {
  if (message.find('\0') != std::string_view::npos) {
    return malformed("Message length does not match input length.");
  }
  Attributes attributes(message);
  const auto binding = attributes.next('c');
  if (!binding) return malformed("Attribute \"c\" expected.");
  if (*binding != expected_binding()) {
    if (binding_.selected) return Error{"28000", "SCRAM channel binding check failed", {}, {}};
    return Error{
        "08P01", "unexpected SCRAM channel-binding attribute in client-final-message", {}, {}};
  }
  const auto nonce = attributes.next('r');
  if (!nonce) return malformed("Attribute \"r\" expected.");
  if (*nonce != nonce_) {
    return Error{"08P01", "invalid SCRAM response", "Nonce does not match.", {}};
  }
  for (;;) {
    const std::size_t at = attributes.position();
    const auto attribute = attributes.next();
    if (!attribute) return malformed("Attribute \"p\" expected.");
    if (attribute->name != 'p') continue;
    const auto proof = read_digest(attribute->value);
    if (!proof) return malformed("Malformed proof in client-final-message.");
    if (at + 2 + attribute->value.size() != message.size()) {
      return malformed("Garbage found at the end of client-final-message.");
    }
    proof_ = crypto::Key(*proof);
    auth_message_ = auth_message(first_bare_, server_first_, message.substr(0, at - 1));
    return {};
  }
}

bool Server::verify(const ScramVerifier& verifier) {
  const crypto::Key signature(crypto::hmac_sha256(verifier.stored_key.view(), auth_message_));
  const crypto::Key candidate(crypto::exclusive_or(proof_.bytes(), signature.bytes()));
  const crypto::Digest stored = crypto::sha256(candidate.view());
  if (!crypto::equal(crypto::view(stored), verifier.stored_key.view())) return false;
  client_key_ = candidate;
  return true;
}

std::string Server::server_final(const ScramVerifier& verifier) const {
  const auto signature = crypto::hmac_sha256(verifier.server_key.view(), auth_message_);
  return "v=" + crypto::base64_encode(crypto::view(signature));
}

}  // namespace heim::auth::scram
