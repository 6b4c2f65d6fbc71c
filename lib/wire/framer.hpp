// Finds message boundaries. Looks at headers only; bodies are the reader's.
#pragma once
#include <cstdint>

#include "base/bytes.hpp"
#include "wire/messages.hpp"

namespace heim::wire {

inline constexpr std::size_t header_size = 5;

/// The first five bytes of a message.
struct Header {
  std::uint8_t tag = 0;
  std::uint32_t body = 0;  // length of what follows the header
  std::size_t total() const { return header_size + body; }
};

enum class Peek : std::uint8_t {
  ok,
  more,     // fewer than five bytes, of a known tag if there is one
  unknown,  // no such tag from this side
  length,   // below 4, or above the table's bound for the tag
};

/// Reads the header at the front of `bytes`. A wrong tag is seen at its own byte, a wrong length as
/// soon as its four bytes are there: long before the body is.
inline Peek peek(Origin side, Bytes bytes, Header& out) {
  if (bytes.empty()) return Peek::more;
  const Message* message = find(side, bytes[0]);
  if (!message) return Peek::unknown;
  if (bytes.size() < header_size) return Peek::more;
  const std::uint32_t length = load_be32(bytes.data() + 1);
  if (length < 4 || length - 4 > message->max_body) return Peek::length;
  out = {bytes[0], length - 4};
  return Peek::ok;
}

/// The header of a message that we have made.
inline Header header_of(Bytes message) { return {message[0], load_be32(message.data() + 1) - 4}; }

/// Reads fields off a message body, front to back, and remembers if one was missing.
class Fields {
 public:
  explicit Fields(Bytes body) : rest_(body) {}
  std::uint8_t u8() { return take(1) ? last_[0] : 0; }
  std::uint16_t u16() { return take(2) ? load_be16(last_.data()) : std::uint16_t{0}; }
  std::uint32_t u32() { return take(4) ? load_be32(last_.data()) : 0; }
  /// A zero-terminated string, without the zero.
  std::string_view string() {
    const void* zero = rest_.empty() ? nullptr : std::memchr(rest_.data(), 0, rest_.size());
    if (!zero) return fail(), std::string_view{};
    const auto* end = static_cast<const std::uint8_t*>(zero);
    const auto length = static_cast<std::size_t>(end - rest_.data());
    std::string_view text = as_text(rest_.first(length));
    rest_ = rest_.subspan(length + 1);
    return text;
  }
  Bytes bytes(std::size_t count) { return take(count) ? last_ : Bytes{}; }
  Bytes rest() const { return rest_; }
  bool ok() const { return ok_; }
  /// True if all was read and nothing was missing.
  bool done() const { return ok_ && rest_.empty(); }

 private:
  bool take(std::size_t count) {
    if (rest_.size() < count) return fail();
    last_ = rest_.first(count);
    rest_ = rest_.subspan(count);
    return true;
  }
  bool fail() {
    ok_ = false;
    rest_ = {};
    return false;
  }
  Bytes rest_;
  Bytes last_;
  bool ok_ = true;
};

}  // namespace heim::wire
