#include "fleet/message.hpp"

#include <doctest/doctest.h>

using namespace heim::fleet;

namespace {

Message full() {
  Message message{.name = "one:6432",
                  .process = ~std::uint64_t{0},
                  .run = 3,
                  .number = 77,
                  .first = true,
                  .clean = true,
                  .leaves = true,
                  .repeats = true,
                  .asks = true,
                  .lease_ns = 500'000'000,
                  .heard = {{1, 2, 3}, {4, 5, 6}},
                  .items = {},
                  .queries = {}};
  message.items.push_back({Item::Kind::begins, 12, {{"shop", "items"}, {"", "*"}}});
  message.items.push_back({Item::Kind::unknown, 13, {}, true});
  message.queries = {{1, 2}, {~std::uint64_t{0}, 3}};
  return message;
}

}  // namespace

TEST_CASE("a message reads as it was written") {
  CHECK(decode(encode(full())) == full());
  CHECK(decode(encode(Message())) == Message());
}

TEST_CASE("what is cut, longer or changed is none of ours, or reads as another") {
  const std::string bytes = encode(full());
  for (std::size_t size = 0; size < bytes.size(); ++size) CHECK(!decode(bytes.substr(0, size)));
  CHECK(!decode(bytes + "x"));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const char flip : {'\1', '\x80'}) {
      std::string other = bytes;
      other[at] = static_cast<char>(other[at] ^ flip);
      CHECK(decode(other) != full());
    }
  }
}
