// Where PostgreSQL's own scanner has its tokens, as libpg_query tells it.
#pragma once
#include <pg_query.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace heim::sql {

using Span = std::pair<std::size_t, std::size_t>;  // begin, end

/// The two wire types that its protobuf messages use: numbers, and messages within.
class Protobuf {
 public:
  explicit Protobuf(std::string_view bytes) : bytes_(bytes) {}
  bool more() const { return !bytes_.empty(); }
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes_.front());
      bytes_.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
  }
  std::string_view within() {
    const std::size_t size = number();
    const std::string_view part = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return part;
  }

 private:
  std::string_view bytes_;
};

inline std::optional<Span> token_span(std::string_view message) {
  constexpr std::uint64_t line_comment = 275, block_comment = 276;
  std::uint64_t fields[6] = {};
  for (Protobuf token(message); token.more();) {
    const std::uint64_t field = token.number() >> 3;
    const std::uint64_t value = token.number();
    if (field < std::size(fields)) fields[field] = value;
  }
  if (fields[4] == line_comment || fields[4] == block_comment) return std::nullopt;
  return Span{fields[1], fields[2]};
}

/// Nothing if it finds an error.
inline std::optional<std::vector<Span>> pg_tokens(const std::string& text) {
  const PgQueryScanResult result = pg_query_scan(text.c_str());
  std::optional<std::vector<Span>> spans;
  if (result.error == nullptr) spans.emplace();
  Protobuf tokens({result.pbuf.data, spans ? result.pbuf.len : 0});
  while (tokens.more()) {
    if (tokens.number() != (2 << 3 | 2)) {
      tokens.number();
    } else if (const auto span = token_span(tokens.within())) {
      spans->push_back(*span);
    }
  }
  pg_query_free_scan_result(result);
  return spans;
}

}  // namespace heim::sql
