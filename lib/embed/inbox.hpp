// The bytes that the engine sent to a session. Results are read in them, in place.
#pragma once
#include <cstring>
#include <memory>

#include "base/bytes.hpp"

namespace heim::embed {

class Inbox {
 public:
  const std::uint8_t* data() const { return bytes_.get(); }
  std::size_t size() const { return size_; }
  Bytes from(std::size_t at) const { return {bytes_.get() + at, size_ - at}; }
  Bytes part(std::size_t at, std::size_t length) const { return {bytes_.get() + at, length}; }

  void append(Bytes bytes) {
    if (bytes.empty()) return;
    if (capacity_ - size_ < bytes.size()) grow(bytes.size());
    std::memcpy(bytes_.get() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  void drop_front(std::size_t count) {
    if (count == 0) return;
    size_ -= count;
    if (size_ > 0) std::memmove(bytes_.get(), bytes_.get() + count, size_);
    if (size_ == 0) give_back();
  }
  void clear() { drop_front(size_); }

 private:
  static constexpr std::size_t kept = 256 << 10;  // by an idle session

  void grow(std::size_t more) {
    std::size_t capacity = capacity_ ? 2 * capacity_ : 4096;
    while (capacity - size_ < more) capacity *= 2;
    std::unique_ptr<std::uint8_t[]> larger(new std::uint8_t[capacity]);
    if (size_ > 0) std::memcpy(larger.get(), bytes_.get(), size_);
    bytes_ = std::move(larger);
    capacity_ = capacity;
  }
  void give_back() {
    if (capacity_ <= kept) return;
    bytes_.reset();
    capacity_ = 0;
  }

  std::unique_ptr<std::uint8_t[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace heim::embed
