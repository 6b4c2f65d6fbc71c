#include "auth/md5.hpp"

#include <string>

#include "crypto/hash.hpp"

namespace heim::auth {
namespace {

Secret tagged_sum(std::string_view a, std::string_view b) {
  std::string text;
  text.reserve(a.size() + b.size());
  text.append(a).append(b);
  const std::string sum = "md5" + crypto::md5_hex(text);
  wipe(text.data(), text.size());
  return Secret(sum);
}

}  // namespace

Secret md5_stored(std::string_view password, std::string_view user) {
  return tagged_sum(password, user);
}

Secret md5_answer(std::string_view stored, std::string_view salt) {
  return tagged_sum(stored.substr(3), salt);
}

}  // namespace heim::auth
