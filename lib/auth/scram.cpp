#include "auth/scram.hpp"

#include <algorithm>

#include "crypto/base64.hpp"

namespace heim::auth::scram {

Error malformed(std::string detail) {
  return {"08P01", "malformed SCRAM message", std::move(detail), {}};
}

std::optional<Attribute> Attributes::next() {
  const std::string_view rest = message_.substr(std::min(at_, message_.size()));
  if (rest.size() < 2 || rest[1] != '=') return std::nullopt;
  const char letter = rest[0];
  if (!((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z'))) return std::nullopt;
  const std::size_t end = std::min(rest.find(','), rest.size());
  at_ += end + 1;
  return Attribute{letter, rest.substr(2, end - 2)};
}

std::optional<std::string_view> Attributes::next(char name) {
  const std::size_t before = at_;
  const auto attribute = next();
  if (attribute && attribute->name == name) return attribute->value;
  at_ = before;
  return std::nullopt;
}

bool is_nonce(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return c >= 0x21 && c <= 0x7e && c != ','; });
}

std::optional<crypto::Digest> read_digest(std::string_view base64) {
  const auto raw = crypto::base64_decode(base64);
  crypto::Digest digest;
  if (!raw || raw->size() != digest.size()) return std::nullopt;
  std::copy(raw->begin(), raw->end(), digest.begin());
  return digest;
}

std::string binding_header() { return "p=" + std::string(binding_type) + ",,"; }

std::string auth_message(std::string_view client_first_bare, std::string_view server_first,
                         std::string_view client_final_without_proof) {
  std::string message;
  message.reserve(client_first_bare.size() + server_first.size() +
                  client_final_without_proof.size() + 2);
  message.append(client_first_bare).append(1, ',').append(server_first).append(1, ',');
  return message.append(client_final_without_proof);
}

}  // namespace heim::auth::scram
