#include "embed/local_stream.hpp"

#include <algorithm>
#include <new>

#include "session/client.hpp"

namespace heim::embed {
namespace {

/// As much as a socket's read brings at most.
constexpr std::size_t fed_at_once = 64 << 10;

}  // namespace

void LocalStream::connect(session::Hub& hub) noexcept {
  hub.accept(*this);
  guest_.client = static_cast<session::Client*>(handler_);
}

std::size_t LocalStream::feed(Bytes bytes) noexcept {
  std::size_t fed = 0;
  while (handler_ && !paused_ && fed < bytes.size()) {
    const Bytes part = bytes.subspan(fed, std::min(fed_at_once, bytes.size() - fed));
    fed += part.size();
    handler_->on_bytes(*this, part);
  }
  return fed;
}

void LocalStream::hang_up() noexcept {
  if (handler_) handler_->on_end(*this, {});
}

void LocalStream::seen() noexcept {
  unseen_ = 0;
  if (!owes_drained_ || !handler_ || backlog() > 0) return;
  owes_drained_ = false;
  handler_->on_drained(*this);
}

void LocalStream::write(std::span<const Bytes> segments) {
  try {
    for (const Bytes segment : segments) {
      inbox.append(segment);
      unseen_ += segment.size();
    }
  } catch (const std::bad_alloc&) {
    has_lost_ = true;
  }
  owes_drained_ = true;
  seat_.stir(guest_);
}

void LocalStream::resume() {
  paused_ = false;
  seat_.stir(guest_);
}

void LocalStream::close(Duration) {
  handler_ = nullptr;
  guest_.client = nullptr;
  seat_.stir(guest_);
}

}  // namespace heim::embed
