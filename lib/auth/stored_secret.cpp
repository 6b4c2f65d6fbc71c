#include "auth/stored_secret.hpp"

#include <algorithm>
#include <charconv>

#include "auth/saslprep.hpp"
#include "crypto/base64.hpp"

namespace heim::auth {
namespace {

constexpr std::string_view scram_prefix = "SCRAM-SHA-256$";

/// Cuts `text` at the first `mark` and returns what stood before it; nullopt if there is none.
std::optional<std::string_view> cut(std::string_view& text, char mark) {
  const std::size_t at = text.find(mark);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view front = text.substr(0, at);
  text.remove_prefix(at + 1);
  return front;
}

std::optional<crypto::Key> read_key(std::string_view text) {
  std::optional<std::string> raw = crypto::base64_decode(text);
  if (!raw) return std::nullopt;
  crypto::Digest bytes{};
  const bool fits = raw->size() == bytes.size();
  if (fits) std::copy(raw->begin(), raw->end(), bytes.begin());
  crypto::Key key(bytes);
  wipe(raw->data(), raw->size());
  wipe(bytes.data(), bytes.size());
  if (!fits) return std::nullopt;
  return key;
}

std::optional<std::uint32_t> read_iterations(std::string_view text) {
  std::uint32_t count = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, count);
  if (failure != std::errc() || stop != end || count < 1 || count > max_iterations) {
    return std::nullopt;
  }
  return count;
}

bool is_md5_hash(std::string_view text) {
  return text.size() == 35 && text.starts_with("md5") &&
         text.find_first_not_of("0123456789abcdef", 3) == std::string_view::npos;
}

}  // namespace

std::optional<ScramVerifier> ScramVerifier::parse(std::string_view text) {
  if (!text.starts_with(scram_prefix)) return std::nullopt;
  text.remove_prefix(scram_prefix.size());
  const auto count = cut(text, ':');
  const auto salt_text = count ? cut(text, '$') : std::nullopt;
  const auto stored_text = salt_text ? cut(text, ':') : std::nullopt;
  if (!stored_text) return std::nullopt;
  const auto iterations = read_iterations(*count);
  const auto salt = crypto::base64_decode(*salt_text);
  const auto stored_key = read_key(*stored_text);
  const auto server_key = read_key(text);
  if (!iterations || !salt || salt->empty() || !stored_key || !server_key) return std::nullopt;
  return ScramVerifier{*iterations, *salt, *stored_key, *server_key};
}

ScramVerifier ScramVerifier::derive(std::string_view password, std::string_view salt,
                                    std::uint32_t iterations) {
  const Secret prepared = saslprep(password);
  const crypto::Key salted(crypto::pbkdf2_sha256(prepared.view(), salt, iterations));
  const crypto::Key client_key(crypto::hmac_sha256(salted.view(), "Client Key"));
  return {iterations, std::string(salt), crypto::Key(crypto::sha256(client_key.view())),
          crypto::Key(crypto::hmac_sha256(salted.view(), "Server Key"))};
}

std::string ScramVerifier::to_string() const {
  return std::string(scram_prefix) + std::to_string(iterations) + ':' +
         crypto::base64_encode(salt) + '$' + crypto::base64_encode(stored_key.view()) + ':' +
         crypto::base64_encode(server_key.view());
}

StoredSecret StoredSecret::parse(std::string_view text) {
  StoredSecret secret;
  if (text.empty()) return secret;
  if ((secret.scram = ScramVerifier::parse(text))) {
    secret.kind = SecretKind::scram;
    return secret;
  }
  secret.kind = is_md5_hash(text) ? SecretKind::md5 : SecretKind::plain;
  secret.text = Secret(text);
  return secret;
}

std::string steady_salt(std::string_view process_key, std::string_view user, std::size_t size) {
  const crypto::Digest sum = crypto::hmac_sha256(process_key, user);
  return std::string(crypto::view(sum).substr(0, size));
}

}  // namespace heim::auth
