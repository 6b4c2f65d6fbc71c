// Bytes that the kernel did not take yet, in order.
#pragma once
#include <cstdint>
#include <vector>

#include "base/bytes.hpp"

namespace heim::io {

/// Owns nothing while it is empty. Its user bounds it (Stream::backlog()).
class Backlog {
 public:
  bool empty() const { return head_ == bytes_.size(); }
  std::size_t size() const { return bytes_.size() - head_; }
  Bytes view() const { return Bytes(bytes_).subspan(head_); }

  void append(Bytes bytes) {
    if (head_ > bytes_.size() / 2) {
      bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(head_));
      head_ = 0;
    }
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  void consume(std::size_t count) {
    head_ += count;
    if (empty()) clear();
  }
  void clear() {
    bytes_ = {};
    head_ = 0;
  }

 private:
  std::vector<std::uint8_t> bytes_;
  std::size_t head_ = 0;
};

}  // namespace heim::io
