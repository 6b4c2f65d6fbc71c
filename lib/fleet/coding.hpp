// Numbers and texts in bytes, as members of a fleet exchange them.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace heim::fleet {

static_assert(std::endian::native == std::endian::little, "numbers are written as they lie");

inline void put_number(std::string& out, std::uint64_t number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

inline void put_text(std::string& out, std::string_view text) {
  put_number(out, text.size());
  out += text;
}

/// Once something was missing, all that follows is empty, and ok() says so.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::uint64_t number() {
    std::uint64_t value = 0;
    const std::string_view bytes = take(sizeof value);
    if (ok_) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  std::string text(std::uint64_t most = longest_name) { return std::string(take(count(most))); }
  /// At most so many.
  std::uint64_t count(std::uint64_t most) {
    const std::uint64_t value = number();
    if (value > most) ok_ = false;
    return ok_ ? value : 0;
  }
  bool ok() const { return ok_; }
  bool is_done() const { return ok_ && rest_.empty(); }
  /// What was not read.
  std::string_view rest() const { return rest_; }

 private:
  static constexpr std::size_t longest_name = 1024;

  std::string_view take(std::uint64_t size) {
    if (size > rest_.size()) ok_ = false;
    if (!ok_) return {};
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace heim::fleet
