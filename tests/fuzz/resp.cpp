// Invariants:
// 1. However the bytes are cut, the values are the same, and so is what is refused.
// 2. What was refused stays refused.
// 3. A value has no more parts, and is no deeper, than the limits say.
// 4. A message of the fleet that was read, written again, reads the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "fleet/message.hpp"
#include "redis/parser.hpp"

using namespace heim;
using redis::Parser;
using redis::Value;

namespace {

constexpr Parser::Limits limits{.bytes = 2048, .items = 64, .depth = 4};

void require(bool holds) {
  if (!holds) std::abort();
}

std::size_t measure(const Value& value, std::size_t depth) {
  require(depth <= limits.depth);
  require(value.text.size() <= limits.bytes);
  std::size_t items = 1;
  for (const Value& item : value.items) items += measure(item, depth + 1);
  return items;
}

bool same(const Value& a, const Value& b) {
  if (a.kind != b.kind || a.number != b.number || a.text != b.text) return false;
  if (a.items.size() != b.items.size()) return false;
  for (std::size_t i = 0; i < a.items.size(); ++i) {
    if (!same(a.items[i], b.items[i])) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input(data, size);
  Parser whole(limits), cut(limits);
  std::vector<Value> values, pieces;
  const bool understood = whole.feed(input, values);
  for (std::size_t i = 0; i < size; ++i) {
    if (!cut.feed(input.subspan(i, 1), pieces)) break;
  }
  require(cut.error().empty() == understood && whole.error().empty() == understood);
  require(values.size() == pieces.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    require(same(values[i], pieces[i]));
    require(measure(values[i], 0) <= limits.items);
  }
  if (!understood) require(!whole.feed(as_bytes("+OK\r\n"), values));
  if (const auto message = fleet::decode(as_text(input))) {
    require(fleet::decode(fleet::encode(*message)) == message);
  }
  return 0;
}
