#include "crypto/base64.hpp"

#include <doctest/doctest.h>

using namespace heim::crypto;

TEST_CASE("base64 of RFC 4648, both ways") {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
      {"\xff\xfe\xfd\xfc", "//79/A=="},
      {std::string_view("\0\0\0", 3), "AAAA"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.second);
    CHECK(base64_encode(c.first) == c.second);
    CHECK(base64_decode(c.second) == std::string(c.first));
  }
}

TEST_CASE("base64 that is not exactly what an encoder writes is refused") {
  for (const std::string_view bad :
       {"Z", "Zg", "Zg=", "Zg===", "====", "=", "Z===", "Zh==", "Zm9=", "Zm9v\n", "Zm 9",
        "Zg==Zg==", "Zm-_", "Zm9v====", "=m9v", "Zm=v", "\xc3\xa4\xc3\xa4"}) {
    CAPTURE(bad);
    CHECK_FALSE(base64_decode(bad));
  }
}

TEST_CASE("every length survives the way there and back") {
  std::string data;
  for (int i = 0; i < 300; ++i) {
    CHECK(base64_decode(base64_encode(data)) == data);
    data += static_cast<char>(i * 37 + 11);
  }
}
