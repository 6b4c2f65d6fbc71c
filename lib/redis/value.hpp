// What a Redis server says: one value of RESP3, or of RESP2, which is a part of it.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace heim::redis {

struct Value {
  enum class Kind : std::uint8_t {
    null,
    text,  // simple, bulk or verbatim; also numbers that fit no other kind
    error,
    number,
    real,
    boolean,
    list,  // also sets
    map,   // key, value, key, value
    push,  // nobody asked for it
  };

  Kind kind = Kind::null;
  std::int64_t number = 0;   // number; boolean: 0 or 1
  std::string text;          // text, error; real: as it was written
  std::vector<Value> items;  // list, map, push

  bool is(Kind wanted) const { return kind == wanted; }
  bool is_error() const { return kind == Kind::error; }
  /// An error begins with a word in capitals: "NOAUTH", "MOVED".
  bool is_error(std::string_view word) const {
    return is_error() && text.starts_with(word) &&
           (text.size() == word.size() || text[word.size()] == ' ');
  }
  /// Of a map whose keys are texts; null: it has none of that name.
  const Value* find(std::string_view key) const {
    if (kind != Kind::map) return nullptr;
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
      if (items[i].text == key) return &items[i + 1];
    }
    return nullptr;
  }
};

}  // namespace heim::redis
