#include "io/socket_stream.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>

#include "io/loop.hpp"
#include "io/socket_calls.hpp"
#include "io/socket_options.hpp"
#include "io/socket_transport.hpp"

namespace heim::io {
namespace {

// How often one stream may fill the buffer before the others have their turn.
constexpr int reads_per_turn_max = 4;
constexpr std::size_t parts_max = 64;
// How long a closed stream, all sent, waits for its peer to close too.
constexpr Duration drain_time = std::chrono::seconds(1);

}  // namespace

SocketStream::SocketStream(SocketTransport& transport, StreamHandler& handler)
    : transport_(&transport), handler_(&handler) {
  transport.streams_.push_back(*this);
}

SocketStream::~SocketStream() {
  if (!transport_) return;
  loop().cancel(*this);
  transport_->streams_.remove(*this);
}

Loop& SocketStream::loop() const { return transport_->loop(); }

void SocketStream::start_connecting(const Target& target, const SocketOptions& options) {
  state_ = State::connecting;
  connector_ = std::make_unique<Connector>(loop(), target, options, transport_->dial_,
                                           static_cast<ConnectorOwner&>(*this));
}

void SocketStream::start_open(Fd fd) {
  fd_ = std::move(fd);
  peer_ = Endpoint::peer_of(fd_.get());
  poller_ = Poller(loop(), fd_.get(), *this);
  watch_what_matters();
}

void SocketStream::on_connector_done(Fd fd, Poller poller) {
  connector_.reset();
  state_ = State::open;
  fd_ = std::move(fd);
  peer_ = Endpoint::peer_of(fd_.get());
  poller_ = std::move(poller);
  poller_.set_target(*this);
  watch_what_matters();
  if (!tell([this](StreamHandler& to) { to.on_connected(*this); })) return;
  push_backlog();
  if (tls_) loop().defer(*this);
  tell_if_drained();
}

void SocketStream::on_connector_failed(std::string why) {
  error_ = std::move(why);
  backlog_.clear();
  end(error_);
}

void SocketStream::detach() {
  assert(state_ == State::open);
  if (loop().current == this) loop().current = nullptr;
  loop().cancel(*this);
  transport_->streams_.remove(*this);
  transport_ = nullptr;
  handler_ = nullptr;
  poller_ = Poller();
  if (tls_) tls_->session.stash();
  state_ = State::detached;
}

void SocketStream::attach(SocketTransport& transport, StreamHandler& handler) {
  assert(state_ == State::detached);
  transport_ = &transport;
  handler_ = &handler;
  transport.streams_.push_back(*this);
  state_ = State::open;
  poller_ = Poller(loop(), fd_.get(), *this);
  watch_what_matters();
  if (tls_ || !error_.empty()) loop().defer(*this);
}

void SocketStream::end(std::string why) {
  state_ = State::ended;
  watch_what_matters();
  const StreamEnd end{why.empty(), std::move(why)};
  tell([&](StreamHandler& to) { to.on_end(*this, end); });
}

void SocketStream::watch_what_matters() {
  unsigned events = 0;
  const bool unsent = !backlog_.empty();
  if (state_ == State::open) {
    events = (parked_ ? 0 : Poller::readable) | (unsent ? Poller::writable : 0);
  } else if (state_ == State::flushing && unsent) {
    events = Poller::writable;
  } else if (state_ == State::draining) {
    events = Poller::readable;
  }
  poller_.watch(events);
}

void SocketStream::on_poll(unsigned events) {
  if (state_ != State::open) {
    if (state_ == State::flushing || state_ == State::draining) finish_close();
    return;
  }
  if ((events & Poller::writable) && !backlog_.empty()) {
    push_backlog();
    if (!tell_if_drained()) return;
  }
  if (events & Poller::readable) on_readable();
}

void SocketStream::run_deferred() {
  if (state_ == State::open) {
    if (!error_.empty()) return on_write_error();
    if (tls_) pump_tls();
  } else if (state_ == State::failing) {
    end(error_);
  } else if (state_ == State::flushing || state_ == State::draining) {
    finish_close();
  }
}

// ---- reading ----

void SocketStream::resume() {
  if (!paused_) return;
  paused_ = false;
  if (state_ != State::open) return;
  if (parked_) {
    parked_ = false;
    watch_what_matters();
  }
  if (!error_.empty() || (tls_ && tls_->session.has_input())) loop().defer(*this);
}

void SocketStream::on_readable() {
  if (paused_ && !in_handshake()) {
    parked_ = true;
    return watch_what_matters();
  }
  read_what_is_there();
}

SocketStream::ReadResult SocketStream::read_what_is_there() {
  ReadResult result = ReadResult::more;
  for (int i = 0; i < reads_per_turn_max && result == ReadResult::more; ++i) result = read_once();
  return result;
}

SocketStream::ReadResult SocketStream::read_once() {
  std::uint8_t* buffer = loop().scratch().received.get();
  ssize_t count;
  do {
    count = receive(fd_.get(), buffer, Scratch::buffer_size);
  } while (count < 0 && errno == EINTR);
  if (count > 0) {
    const auto size = static_cast<std::size_t>(count);
    if (on_received({buffer, size}) == ReadResult::gone) return ReadResult::gone;
    if (paused_ && !in_handshake()) return ReadResult::dry;
    return size == Scratch::buffer_size ? ReadResult::more : ReadResult::dry;
  }
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return ReadResult::dry;
  peer_left_ = true;
  if (count < 0) {
    error_ = errno_text(errno);
    end(error_);
  } else {
    end(!tls_            ? ""
        : in_handshake() ? "connection closed during the TLS handshake"
                         : "connection closed without TLS close_notify");
  }
  return ReadResult::gone;
}

SocketStream::ReadResult SocketStream::on_received(Bytes bytes) {
  if (tls_) {
    tls_->session.feed(bytes);
    return pump_tls();
  }
  const bool mine = tell([&](StreamHandler& to) { to.on_bytes(*this, bytes); });
  return mine ? ReadResult::dry : ReadResult::gone;
}

bool SocketStream::has_unread() const {
  if (tls_ && tls_->session.has_input()) return true;
  char byte;
  return ::recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/// What the peer said before it went is told first: a server's last words say why.
void SocketStream::on_write_error() {
  if (paused_ && !in_handshake()) {
    if (!has_unread()) end(error_);
    return;  // else resume() comes back here
  }
  if (tls_ && pump_tls() == ReadResult::gone) return;
  const ReadResult result = read_what_is_there();
  if (result == ReadResult::gone) return;
  if (result == ReadResult::more || paused_) return loop().defer(*this);
  end(error_);
}

// ---- writing ----

void SocketStream::write(std::span<const Bytes> segments) {
  if (!error_.empty() || state_ > State::ended) return;
  if (!tls_) {
    send(segments);
  } else if (in_handshake()) {
    for (Bytes segment : segments) tls_->early.append(segment);
  } else {
    tls_->session.write(segments, loop().scratch());
    send_cipher();
    if (tls_->session.state() == TlsSession::State::failed) fail_writing(tls_->session.error());
  }
  if (backlog() > 0) owes_drained_ = true;
}

std::size_t SocketStream::backlog() const {
  return backlog_.size() + (tls_ ? tls_->early.size() : 0);
}

void SocketStream::send(std::span<const Bytes> segments) {
  if (!fd_ || !backlog_.empty()) return keep(segments, 0);
  while (!segments.empty()) {
    std::array<iovec, parts_max> parts;
    const std::size_t count = std::min(segments.size(), parts_max);
    std::size_t total = 0;
    for (std::size_t i = 0; i < count; ++i) {
      parts[i] = {const_cast<std::uint8_t*>(segments[i].data()), segments[i].size()};
      total += segments[i].size();
    }
    ssize_t sent = total > 0 ? send_parts(fd_.get(), {parts.data(), count}, total) : 0;
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) return fail_writing(errno_text(errno));
      sent = 0;
    }
    if (static_cast<std::size_t>(sent) < total)
      return keep(segments, static_cast<std::size_t>(sent));
    segments = segments.subspan(count);
  }
}

void SocketStream::keep(std::span<const Bytes> segments, std::size_t sent) {
  for (Bytes segment : segments) {
    const std::size_t skip = std::min(sent, segment.size());
    sent -= skip;
    backlog_.append(segment.subspan(skip));
  }
  watch_what_matters();
}

void SocketStream::fail_writing(std::string why) {
  error_ = std::move(why);
  backlog_.clear();
  if (tls_) tls_->early.clear();
  watch_what_matters();
  loop().defer(*this);
}

void SocketStream::push_backlog() {
  while (!backlog_.empty()) {
    const Bytes rest = backlog_.view();
    const ssize_t sent = ::send(fd_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) fail_writing(errno_text(errno));
      break;
    }
    backlog_.consume(static_cast<std::size_t>(sent));
  }
  watch_what_matters();
}

bool SocketStream::tell_if_drained() {
  if (!owes_drained_ || backlog() > 0 || !error_.empty()) return true;
  owes_drained_ = false;
  return tell([this](StreamHandler& to) { to.on_drained(*this); });
}

// ---- closing ----

void SocketStream::close(Duration linger) {
  if (loop().current == this) loop().current = nullptr;
  const bool can_flush = fd_ && error_.empty() && linger > Duration::zero();
  connector_.reset();
  if (can_flush && tls_ && tls_->announced) {
    tls_->session.shutdown(loop().scratch());
    send_cipher();
  }
  if (!can_flush && error_.empty()) error_ = "closed";
  handler_ = nullptr;
  state_ = State::flushing;
  close_deadline_ = loop().now() + linger;
  watch_what_matters();
  loop().defer(*this);  // the handler may still use the loop's buffer
}

/// Deletes the stream when nothing is left to do.
void SocketStream::finish_close() {
  if (state_ == State::flushing && error_.empty()) push_backlog();
  if (!error_.empty()) return delete this;
  if (!backlog_.empty()) return wait_for_close(close_deadline_);
  // Closing with input unread would reset the connection and take what we sent last with it.
  if (peer_left_ || !discard_input()) return delete this;
  if (state_ == State::draining) return;
  state_ = State::draining;
  ::shutdown(fd_.get(), SHUT_WR);
  watch_what_matters();
  wait_for_close(std::min(close_deadline_, loop().now() + drain_time));
}

void SocketStream::wait_for_close(Instant deadline) {
  if (!linger_) linger_ = std::make_unique<Timer>(loop(), [this] { delete this; });
  linger_->start_at(deadline);
}

bool SocketStream::discard_input() {
  std::uint8_t* buffer = loop().scratch().received.get();
  for (int i = 0; i < reads_per_turn_max; ++i) {
    const ssize_t count = receive(fd_.get(), buffer, Scratch::buffer_size);
    if (count == 0) return false;
    if (count < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
  }
  return true;
}

// ---- names ----

std::string SocketStream::peer_name() const {
  return connector_ ? connector_->name() : peer_.text();
}

std::string SocketStream::local_name() const {
  return fd_ ? Endpoint::local_of(fd_.get()).text() : "unknown";
}

bool SocketStream::is_unix() const { return connector_ ? connector_->is_unix() : peer_.is_unix(); }

std::string SocketStream::peer_user() const {
  return peer_.is_unix() ? unix_peer_user(fd_.get()) : std::string();
}

}  // namespace heim::io
