#include "auth/method.hpp"

namespace heim::auth {
namespace {

struct Word {
  std::string_view text;
  Method method;
};
constexpr Word words[] = {
    {"reject", Method::reject}, {"trust", Method::trust}, {"password", Method::password},
    {"md5", Method::md5},       {"cert", Method::cert},   {"scram-sha-256", Method::scram_sha_256},
    {"peer", Method::peer},     {"relay", Method::relay},
};

}  // namespace

std::string_view name(Method method) {
  for (const Word& word : words) {
    if (word.method == method) return word.text;
  }
  return "unknown";
}

std::optional<Method> parse_method(std::string_view text) {
  for (const Word& word : words) {
    if (word.text == text) return word.method;
  }
  return std::nullopt;
}

std::optional<Method> method_of(config::AuthType type) {
  switch (type) {
    case config::AuthType::relay:
      return Method::relay;
    case config::AuthType::trust:
      return Method::trust;
    case config::AuthType::password:
      return Method::password;
    case config::AuthType::md5:
      return Method::md5;
    case config::AuthType::scram_sha_256:
      return Method::scram_sha_256;
    case config::AuthType::cert:
      return Method::cert;
    case config::AuthType::hba:
      break;
  }
  return std::nullopt;
}

Method choose_method(Method configured, SecretKind stored, bool private_channel, SecretKind usual) {
  if (configured == Method::password && !private_channel) return Method::reject;
  if (configured != Method::md5) return configured;
  const SecretKind kind = stored == SecretKind::none ? usual : stored;
  return kind == SecretKind::scram ? Method::scram_sha_256 : Method::md5;
}

}  // namespace heim::auth
