// What every simulated statement carries, so that both ends can be asked about it: "c3.5.17" is
// statement 17 of client 3, meant to run in that client's transaction 5 (0: in none).
#pragma once
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace heim::sim {

struct Tag {
  std::uint32_t client = 0, transaction = 0, number = 0;

  std::string text() const {
    return "c" + std::to_string(client) + "." + std::to_string(transaction) + "." +
           std::to_string(number);
  }
  static std::optional<Tag> read(std::string_view text) {
    Tag tag;
    if (!text.starts_with('c')) return {};
    const char* at = text.data() + 1;
    const char* end = text.data() + text.size();
    for (std::uint32_t* part : {&tag.client, &tag.transaction, &tag.number}) {
      const auto [next, error] = std::from_chars(at, end, *part);
      if (error != std::errc{}) return {};
      at = next;
      if (part != &tag.number && (at == end || *at++ != '.')) return {};
    }
    return at == end ? std::optional(tag) : std::nullopt;
  }
};

}  // namespace heim::sim
