// What goes to one stream at the end of a step: borrowed runs of the input and small pieces of our
// own, in order.
#pragma once
#include <memory>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/stream.hpp"

namespace heim::session {

/// Reused for every step of a worker: in the steady state nothing is allocated.
class Out {
 public:
  /// Bytes that stay valid until flush(). Neighbours become one segment.
  void borrow(Bytes bytes) {
    if (bytes.empty()) return;
    if (!segments_.empty()) {
      Bytes& last = segments_.back();
      if (last.data() + last.size() == bytes.data()) {
        last = {last.data(), last.size() + bytes.size()};
        return;
      }
    }
    segments_.push_back(bytes);
  }
  /// Bytes that are kept here until flush().
  void copy(std::string_view text) {
    std::uint8_t* room = take(text.size());
    std::memcpy(room, text.data(), text.size());
    borrow({room, text.size()});
  }
  bool empty() const { return segments_.empty(); }
  std::size_t size() const {
    std::size_t total = 0;
    for (const Bytes& segment : segments_) total += segment.size();
    return total;
  }
  std::span<const Bytes> segments() const { return segments_; }
  void flush(Stream& stream) {
    if (!segments_.empty()) stream.write(segments_);
    clear();
  }
  void clear() {
    segments_.clear();
    used_ = 0;
    if (chunks_.size() > 1) chunks_.resize(1);
    chunk_ = 0;
  }

 private:
  static constexpr std::size_t chunk_size = 16384;
  struct Chunk {
    std::unique_ptr<std::uint8_t[]> data;
    std::size_t size;
  };
  std::uint8_t* take(std::size_t count) {
    if (chunk_ >= chunks_.size() || used_ + count > chunks_[chunk_].size) {
      if (chunk_ < chunks_.size()) ++chunk_;
      const std::size_t size = count > chunk_size ? count : chunk_size;
      chunks_.push_back({std::make_unique<std::uint8_t[]>(size), size});
      chunk_ = chunks_.size() - 1;
      used_ = 0;
    }
    std::uint8_t* room = chunks_[chunk_].data.get() + used_;
    used_ += count;
    return room;
  }
  std::vector<Bytes> segments_;
  std::vector<Chunk> chunks_;
  std::size_t chunk_ = 0;
  std::size_t used_ = 0;
};

}  // namespace heim::session
