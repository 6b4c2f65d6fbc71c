// PostgreSQL's md5 method: the stored form, and the answer to a challenge.
#pragma once
#include <string_view>

#include "base/secret.hpp"

namespace heim::auth {

inline constexpr std::size_t md5_salt_size = 4;

/// "md5" and md5(password + user): what pg_authid stores.
Secret md5_stored(std::string_view password, std::string_view user);
/// "md5" and md5(hash + salt), where `stored` is "md5" + hash: what a client answers.
Secret md5_answer(std::string_view stored, std::string_view salt);

}  // namespace heim::auth
