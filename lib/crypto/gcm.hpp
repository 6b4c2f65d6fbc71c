// AES-256-GCM: bytes that can be read and made with a key alone. The work is OpenSSL's.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/key.hpp"

namespace heim::crypto {

inline constexpr std::size_t gcm_nonce_size = 12, gcm_tag_size = 16;

/// The text encrypted, and a tag of that and of `bound`. A random nonce is good for 2^32 texts
/// under one key (NIST SP 800-38D, 8.3).
std::string gcm_encrypt(const Key& key, std::string_view nonce, std::string_view bound,
                        std::string_view text);
/// Nothing: it was made with another key, nonce or `bound`, or altered.
std::optional<std::string> gcm_decrypt(const Key& key, std::string_view nonce,
                                       std::string_view bound, std::string_view bytes);

}  // namespace heim::crypto
