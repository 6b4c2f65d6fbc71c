// PostgreSQL protocol v3 frames, just enough for the bench tools.
//
// Deliberately not lib/wire: a peer that measures the product shares no code with it, so that an
// error in one cannot hide the same error in the other.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace heim::bench {

inline void put_u16(std::string& out, std::uint16_t value) {
  const char bytes[2] = {static_cast<char>(value >> 8), static_cast<char>(value)};
  out.append(bytes, sizeof bytes);
}

inline void put_u32(std::string& out, std::uint32_t value) {
  const char bytes[4] = {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
                         static_cast<char>(value >> 8), static_cast<char>(value)};
  out.append(bytes, sizeof bytes);
}

/// With the closing zero byte.
inline void put_text(std::string& out, std::string_view text) { out.append(text).push_back('\0'); }

inline std::uint32_t get_u32(const char* at) {
  unsigned char bytes[4];
  std::memcpy(bytes, at, sizeof bytes);
  return (std::uint32_t{bytes[0]} << 24) | (std::uint32_t{bytes[1]} << 16) |
         (std::uint32_t{bytes[2]} << 8) | bytes[3];
}

inline std::uint16_t get_u16(const char* at) {
  unsigned char bytes[2];
  std::memcpy(bytes, at, sizeof bytes);
  return static_cast<std::uint16_t>((bytes[0] << 8) | bytes[1]);
}

/// Appends one message; the length is written when it goes out of scope. A `type` of 0 is a startup
/// packet, which has none.
class Frame {
 public:
  Frame(std::string& out, char type) : out_(out) {
    if (type != 0) out_.push_back(type);
    at_ = out_.size();
    put_u32(out_, 0);
  }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;
  ~Frame() {
    std::string length;
    put_u32(length, static_cast<std::uint32_t>(out_.size() - at_));
    std::memcpy(out_.data() + at_, length.data(), length.size());
  }

  Frame& u16(std::uint16_t value) { return put_u16(out_, value), *this; }
  Frame& u32(std::uint32_t value) { return put_u32(out_, value), *this; }
  Frame& text(std::string_view value) { return put_text(out_, value), *this; }
  Frame& raw(std::string_view value) { return out_.append(value), *this; }
  /// A column or parameter value: its length, then its bytes.
  Frame& value(std::string_view bytes) {
    return u32(static_cast<std::uint32_t>(bytes.size())).raw(bytes);
  }

 private:
  std::string& out_;
  std::size_t at_;
};

/// Reads a message's body. Past the end everything is empty or zero and `ok()` is false.
class Reader {
 public:
  explicit Reader(std::string_view body) : rest_(body) {}

  std::uint16_t u16() {
    const std::string_view bytes = raw(2);
    return bytes.empty() ? std::uint16_t{0} : get_u16(bytes.data());
  }
  std::uint32_t u32() {
    const std::string_view bytes = raw(4);
    return bytes.empty() ? 0 : get_u32(bytes.data());
  }
  std::string_view text() {
    const std::size_t end = rest_.find('\0');
    if (end == std::string_view::npos) return fail();
    const std::string_view value = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return value;
  }
  std::string_view raw(std::size_t count) {
    if (rest_.size() < count) return fail();
    const std::string_view value = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return value;
  }
  /// A value with its length in front; NULL reads as empty.
  std::string_view value() {
    const std::uint32_t length = u32();
    return length == UINT32_MAX ? std::string_view() : raw(length);
  }
  bool ok() const { return ok_; }
  std::size_t left() const { return rest_.size(); }

 private:
  std::string_view fail() {
    ok_ = false;
    rest_ = {};
    return {};
  }
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace heim::bench
