#include "crypto/gcm.hpp"

#include <doctest/doctest.h>

namespace heim::crypto::test {

TEST_CASE("AES-256-GCM: the case of an empty key (test case 14 of the specification)") {
  const Key key{Digest{}};
  const std::string nonce(gcm_nonce_size, '\0'), text(16, '\0');
  const std::string bytes = gcm_encrypt(key, nonce, {}, text);
  CHECK(hex(bytes) == "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
  CHECK(gcm_decrypt(key, nonce, {}, bytes) == text);
}

TEST_CASE("AES-256-GCM: nothing but what was made with all of it can be read") {
  const Key key{sha256("key")}, other{sha256("other")};
  const std::string nonce = "twelve bytes";
  for (const std::string& text : {std::string(), std::string("a text"), std::string(5000, 'x')}) {
    const std::string bytes = gcm_encrypt(key, nonce, "bound", text);
    CHECK(gcm_decrypt(key, nonce, "bound", bytes) == text);
    CHECK(!gcm_decrypt(other, nonce, "bound", bytes));
    CHECK(!gcm_decrypt(key, "twelve bytez", "bound", bytes));
    CHECK(!gcm_decrypt(key, "short", "bound", bytes));
    CHECK(!gcm_decrypt(key, nonce, "bounds", bytes));
    CHECK(!gcm_decrypt(key, nonce, "bound", std::string_view(bytes).substr(1)));
    CHECK(!gcm_decrypt(key, nonce, "bound", "too short"));
    for (std::size_t i = 0; i < bytes.size(); i += 1 + bytes.size() / 50) {
      std::string altered = bytes;
      altered[i] ^= 1;
      CHECK(!gcm_decrypt(key, nonce, "bound", altered));
    }
  }
}

}  // namespace heim::crypto::test
