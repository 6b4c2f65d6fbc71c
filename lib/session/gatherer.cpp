#include "session/gatherer.hpp"

#include <algorithm>

namespace heim::session {

// Whether a message of this kind may follow.
bool Gatherer::begins(std::uint8_t tag) {
  struct Row {
    std::uint8_t tag;
    Next until, then;  // it may come before or as this; what may come behind it
    bool kept;
  };
  static constexpr Row rows[] = {
      {'1', Next::parsed, Next::bound, false}, {'2', Next::bound, Next::described, false},
      {'T', Next::described, Next::row, true}, {'D', Next::row, Next::row, true},
      {'C', Next::row, Next::ready, true},     {'s', Next::row, Next::ready, true},
  };
  const Row* row = std::ranges::find(rows, tag, &Row::tag);
  if (row == std::end(rows) || next_ > row->until) return false;
  next_ = row->then;
  keeps_ = row->kept;
  return true;
}

// Completes a message's header, and begins the message. Returns what is behind it.
Bytes Gatherer::header(Bytes bytes) {
  const std::size_t part = std::min(sizeof header_ - header_size_, bytes.size());
  std::copy_n(bytes.data(), part, header_ + header_size_);
  header_size_ += static_cast<std::uint8_t>(part);
  if (header_size_ < sizeof header_) return {};
  header_size_ = 0;
  left_ = load_be32(header_ + 1) - 4;
  if (header_[0] == 'Z' && next_ == Next::ready) {
    state_ = State::whole;
    return {};
  }
  failed_ = header_[0] == 'E';
  if (!begins(header_[0])) return spoil(), Bytes();
  if (keeps_) kept_.append(reinterpret_cast<const char*>(header_), sizeof header_);
  return bytes.subspan(part);
}

Gatherer::State Gatherer::add(Bytes bytes) {
  const bool first = state_ == State::open && kept_.empty();
  if (first) kept_.reserve(std::min<std::size_t>(bytes.size(), limit_));  // mostly that is all
  while (!bytes.empty() && state_ == State::open) {
    if (left_ == 0) {
      bytes = header(bytes);
      continue;
    }
    const std::size_t size = std::min<std::size_t>(left_, bytes.size());
    if (keeps_) kept_.append(as_text(bytes.first(size)));
    left_ -= static_cast<std::uint32_t>(size);
    bytes = bytes.subspan(size);
    too_large_ = kept_.size() > limit_;
    if (too_large_) spoil();
  }
  return state_;
}

}  // namespace heim::session
