// Base64 as RFC 4648 section 4 writes it: with padding, without line ends.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace heim::crypto {

std::string base64_encode(std::string_view data);
/// Strict: no white space, exact padding, unused bits zero. nullopt if `text` is anything else.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace heim::crypto
