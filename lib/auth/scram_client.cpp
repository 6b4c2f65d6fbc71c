#include "auth/scram_client.hpp"

#include <charconv>

#include "auth/scram.hpp"
#include "crypto/base64.hpp"
#include "crypto/compare.hpp"

namespace heim::auth::scram {
namespace {

Result<std::uint32_t> read_iterations(std::string_view text) {
  std::uint32_t count = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, count);
  if (stop != end || (failure != std::errc() && failure != std::errc::result_out_of_range)) {
    return malformed("The server's iteration count is not a number.");
  }
  if (failure != std::errc() || count > max_iterations) {
    return malformed("The server asks for more than " + std::to_string(max_iterations) +
                     " iterations.");
  }
  if (count == 0) return malformed("The server's iteration count is zero.");
  return count;
}

}  // namespace

std::string Client::bare() const { return "n=,r=" + nonce_; }

std::string Client::first() const { return header_ + bare(); }

Result<Client::Challenge> Client::read_first(std::string_view message) {
  first_bare_ = bare();
  Attributes attributes(message);
  if (message.starts_with("m=")) return malformed("The server requires an unknown extension.");
  const auto nonce = attributes.next('r');
  if (!nonce || !is_nonce(*nonce)) return malformed("The server sent no nonce.");
  if (nonce->size() <= nonce_.size() || !nonce->starts_with(nonce_)) {
    return malformed("The server's nonce does not extend ours.");
  }
  const auto salt_text = attributes.next('s');
  const auto salt = salt_text ? crypto::base64_decode(*salt_text) : std::nullopt;
  if (!salt || salt->empty()) return malformed("The server sent no valid salt.");
  const auto count = attributes.next('i');
  if (!count) return malformed("The server sent no iteration count.");
  const auto iterations = read_iterations(*count);
  if (!iterations) return iterations.error();
  while (!attributes.done()) {
    if (!attributes.next()) return malformed("Garbage at the end of server-first-message.");
  }
  nonce_ = *nonce;
  server_first_ = message;
  return Challenge{*salt, *iterations};
}

std::string Client::final(const ScramKeys& keys) {
  std::string message = "c=" + crypto::base64_encode(header_ + binding_data_) + ",r=" + nonce_;
  auth_message_ = auth_message(first_bare_, server_first_, message);
  const crypto::Key stored(crypto::sha256(keys.client_key.view()));
  const crypto::Digest signature = crypto::hmac_sha256(stored.view(), auth_message_);
  const crypto::Digest proof = crypto::exclusive_or(keys.client_key.bytes(), signature);
  return message + ",p=" + crypto::base64_encode(crypto::view(proof));
}

Result<void> Client::read_final(std::string_view message, const ScramKeys& keys) const {
  Attributes attributes(message);
  if (const auto failure = attributes.next('e')) {
    return Error{"08P01", "the server refused the SCRAM exchange", std::string(*failure), {}};
  }
  const auto value = attributes.next('v');
  const auto signature = value ? read_digest(*value) : std::nullopt;
  if (!signature) return malformed("The server sent no signature.");
  while (!attributes.done()) {
    if (!attributes.next()) return malformed("Garbage at the end of server-final-message.");
  }
  const auto expected = crypto::hmac_sha256(keys.server_key.view(), auth_message_);
  if (!crypto::equal(crypto::view(expected), crypto::view(*signature))) {
    return Error{"08P01",
                 "incorrect SCRAM server signature",
                 "The server does not know the user's secret: it may not be the right server.",
                 {}};
  }
  return {};
}

}  // namespace heim::auth::scram
