// Bytes that are wiped when they go. For passwords and keys.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace heim {

/// Overwrites memory in a way the optimiser keeps.
inline void wipe(void* data, std::size_t size) {
  volatile unsigned char* p = static_cast<volatile unsigned char*>(data);
  while (size--) *p++ = 0;
}

/// A string that is wiped on destruction and on assignment. Not printable on purpose.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view text) : text_(text) {}
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept : text_(std::move(other.text_)) { other.clear(); }
  Secret& operator=(Secret other) noexcept {
    text_.swap(other.text_);
    return *this;
  }
  ~Secret() { clear(); }
  std::string_view view() const { return text_; }
  bool empty() const { return text_.empty(); }
  /// In a time that depends on the lengths only.
  bool operator==(const Secret& other) const {
    if (text_.size() != other.text_.size()) return false;
    unsigned difference = 0;
    for (std::size_t i = 0; i < text_.size(); ++i) {
      difference |= static_cast<unsigned char>(text_[i] ^ other.text_[i]);
    }
    return difference == 0;
  }
  void clear() {
    text_.resize(text_.capacity());
    wipe(text_.data(), text_.size());
    text_.clear();
  }

 private:
  std::string text_;
};

}  // namespace heim
