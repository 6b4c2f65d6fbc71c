#include "endpoint.hpp"

#include <algorithm>

namespace heim::sim {
namespace {

// A TLS record header in front, so that whoever meets one in plain text sees what it would see in
// life.
constexpr std::string_view client_hello = "\x16\x03\x01 client hello";
constexpr std::string_view server_hello = "\x16\x03\x03 server hello";

}  // namespace

Endpoint::Endpoint(Network& network, Host& host, std::uint64_t id, std::string local,
                   std::string peer)
    : network_(network),
      host_(&host),
      id_(id),
      local_name_(std::move(local)),
      peer_name_(std::move(peer)) {}

bool Endpoint::usable(const char* call) {
  if (!closed_ && !detached_) return true;
  network_.judge().fail(std::string(call) + "() on a stream that is " +
                        (closed_ ? "closed" : "detached") + ": " + local_name_ + " to " +
                        peer_name_);
  return false;
}

void Endpoint::set_handler(StreamHandler& handler) {
  if (!usable("set_handler")) return;
  handler_ = &handler;
  kick();
}

// ---- writing

void Endpoint::write(std::span<const Bytes> segments) {
  if (!usable("write")) return;
  std::string bytes;
  for (const Bytes segment : segments) bytes += as_text(segment);
  if (was_reset_) {
    reset_noticed_ = true;  // a failing write tells even a paused stream
    return kick();
  }
  if (tls_ == Tls::client_hello || tls_ == Tls::server_hello) {
    before_tls_ += bytes;
    owes_drained_ = true;
    return;
  }
  flip(bytes);
  send_raw(bytes);
}

void Endpoint::write(std::string_view bytes) {
  const Bytes segment = as_bytes(bytes);
  write(std::span(&segment, 1));
}

void Endpoint::flip(std::string& bytes) const {
  if (tls_ != Tls::on) return;
  for (char& c : bytes) c = static_cast<char>(c ^ 0x55);
}

void Endpoint::send_raw(std::string_view bytes) {
  outbox_ += bytes;
  push();
  if (!outbox_.empty()) owes_drained_ = true;
}

void Endpoint::push() {
  if (connecting_ || !peer_ || was_reset_) return;
  if (peer_->closed_) outbox_.clear();
  const Quality& quality = network_.quality();
  const std::size_t room =
      quality.kernel_buffer - std::min(quality.kernel_buffer, peer_->inbox_bytes_);
  const std::size_t count = std::min(room, outbox_.size());
  Scheduler& scheduler = network_.scheduler();
  if (count > 0) {
    const Duration latency = network_.random().between(quality.latency_min, quality.latency_max);
    const Duration transfer{
        static_cast<std::int64_t>(count * 1000000000 / quality.bytes_per_second)};
    last_arrival_ = std::max(last_arrival_, scheduler.now() + latency) + transfer;
    peer_->inbox_.push_back({last_arrival_, outbox_.substr(0, count)});
    peer_->inbox_bytes_ += count;
    outbox_.erase(0, count);
    peer_->kick();
  }
  if (!outbox_.empty()) return;
  if (owes_drained_ && before_tls_.empty()) {
    owes_drained_ = false;
    scheduler.after(Duration(0), "drained", id_, [this] {
      if (!closed_ && !ended_ && !detached_ && backlog() == 0) handler_->on_drained(*this);
    });
  }
  finish();
}

void Endpoint::finish() {
  if (!fin_wanted_ || fin_sent_ || !outbox_.empty() || !peer_ || peer_->closed_) return;
  fin_sent_ = true;
  const Quality& quality = network_.quality();
  const Duration latency = network_.random().between(quality.latency_min, quality.latency_max);
  last_arrival_ = std::max(last_arrival_, network_.scheduler().now() + latency);
  peer_->inbox_.push_back({last_arrival_, {}});
  peer_->kick();
}

// ---- reading

void Endpoint::pause() {
  if (usable("pause")) paused_ = true;
}

void Endpoint::resume() {
  if (!usable("resume")) return;
  paused_ = false;
  kick();
}

bool Endpoint::deaf() const {
  if (closed_ || ended_ || connecting_ || detached_ || !handler_) return true;
  if (host_->frozen()) return true;
  if (host_->partitioned() || (peer_ && peer_->host_->partitioned())) return true;
  return paused_ && !reset_noticed_;
}

void Endpoint::kick() {
  if (deaf() || (inbox_.empty() && !was_reset_)) return;
  Scheduler& scheduler = network_.scheduler();
  const Instant when =
      was_reset_ ? scheduler.now() : std::max(scheduler.now(), inbox_.front().arrival);
  if (kick_pending_ && kick_at_ <= when) return;
  kick_pending_ = true;
  kick_at_ = when;
  scheduler.at(when, "deliver", id_, [this, when] {
    if (kick_pending_ && kick_at_ == when) kick_pending_ = false;
    deliver();
  });
}

void Endpoint::deliver() {
  if (deaf()) return;
  if (was_reset_) return deliver_end(false, reset_reason_);
  if (inbox_.empty()) return;
  if (inbox_.front().arrival > network_.scheduler().now()) return kick();
  if (inbox_.front().bytes.empty()) return deliver_end(true, {});
  deliver_bytes();
  if (peer_) peer_->push();
  kick();
}

void Endpoint::deliver_end(bool orderly, std::string reason) {
  if (ended_ || closed_) return;
  ended_ = true;
  network_.scheduler().note("end", id_, orderly);
  handler_->on_end(*this, StreamEnd{orderly, std::move(reason)});
}

std::size_t Endpoint::arrived() const {
  std::size_t count = 0;
  for (const Packet& packet : inbox_) {
    if (packet.bytes.empty() || packet.arrival > network_.scheduler().now()) break;
    count += packet.bytes.size();
  }
  return count;
}

std::string Endpoint::take(std::size_t limit) {
  std::string bytes;
  while (bytes.size() < limit) {
    std::string& front = inbox_.front().bytes;
    const std::size_t count = std::min(limit - bytes.size(), front.size());
    bytes += front.substr(0, count);
    front.erase(0, count);
    if (front.empty()) inbox_.pop_front();
  }
  inbox_bytes_ -= bytes.size();
  return bytes;
}

void Endpoint::deliver_bytes() {
  std::size_t limit = std::min<std::size_t>(arrived(), 65536);
  if (network_.random().chance(network_.quality().split_percent)) {
    limit = network_.random().between(
        1, std::min<std::size_t>(limit, 1 + network_.random().below(300)));
  }
  limit = std::min(limit, reset_after_);
  const bool greeting = tls_ == Tls::client_hello || tls_ == Tls::server_hello;
  if (greeting) limit = std::min(limit, client_hello.size() - hello_seen_);
  std::string bytes = take(limit);
  network_.scheduler().note("bytes", mix(id_, bytes), bytes.size());
  if (reset_after_ != SIZE_MAX) reset_after_ -= bytes.size();
  if (greeting) {
    handshake(bytes);
  } else {
    flip(bytes);
    handler_->on_bytes(*this, as_bytes(bytes));
  }
  if (reset_after_ == 0) reset();
}

// ---- TLS, as far as it shows outside

void Endpoint::start_tls_server(Bytes already_read) {
  if (!usable("start_tls_server")) return;
  if (tls_ != Tls::off) return network_.judge().fail("TLS was started twice on one stream");
  tls_ = Tls::client_hello;
  if (!already_read.empty()) {
    inbox_.push_front({network_.scheduler().now(), std::string(as_text(already_read))});
    inbox_bytes_ += already_read.size();
  }
  kick();
}

void Endpoint::start_tls_client(const std::string&, SslMode) {
  if (!usable("start_tls_client")) return;
  if (tls_ != Tls::off) return network_.judge().fail("TLS was started twice on one stream");
  send_raw(client_hello);
  tls_ = Tls::server_hello;
}

void Endpoint::handshake(const std::string& bytes) {
  static_assert(client_hello.size() == server_hello.size());
  const bool server = tls_ == Tls::client_hello;
  const std::string_view expected = server ? client_hello : server_hello;
  const bool right = expected.substr(hello_seen_, bytes.size()) == bytes;
  if (!right || (server && !host_->can_serve_tls())) {
    was_reset_ = true;
    reset_reason_ = "TLS handshake failed";
    if (peer_) peer_->reset();
    return kick();
  }
  hello_seen_ += bytes.size();
  if (hello_seen_ < expected.size()) return;
  if (server) send_raw(server_hello);
  tls_ = Tls::on;
  flush_before_tls();
  TlsInfo info{"TLSv1.3", "TLS_AES_256_GCM_SHA384", {}, {}, {}, {}};
  info.endpoint_hash = server ? host_->endpoint_hash() : peer_->host_->endpoint_hash();
  handler_->on_tls(*this, info);
}

void Endpoint::flush_before_tls() {
  std::string bytes = std::move(before_tls_);
  before_tls_.clear();
  flip(bytes);
  if (!bytes.empty()) send_raw(bytes);
}

// ---- beginning and end

void Endpoint::connected() {
  if (closed_ || ended_) return;
  connecting_ = false;
  handler_->on_connected(*this);
  if (closed_) return finish();
  push();
  kick();
}

void Endpoint::fail(std::string reason) {
  connecting_ = false;
  deliver_end(false, std::move(reason));
}

void Endpoint::half_close() {
  if (!usable("half_close")) return;
  fin_wanted_ = true;
  finish();
}

void Endpoint::reset() {
  for (Endpoint* end : {this, peer_}) {
    if (!end || end->was_reset_) continue;
    end->was_reset_ = true;
    end->reset_reason_ = "connection reset by peer";
    // A write that waits fails, and tells even a paused stream.
    end->reset_noticed_ = end->reset_noticed_ || !end->outbox_.empty();
    end->outbox_.clear();
    end->inbox_.clear();
    end->inbox_bytes_ = 0;
    end->kick();
  }
}

void Endpoint::close(Duration linger) {
  if (!usable("close")) return;
  closed_ = true;
  network_.scheduler().note("close", id_);
  inbox_.clear();
  inbox_bytes_ = 0;
  before_tls_.clear();
  if (peer_) peer_->push();
  fin_wanted_ = true;
  finish();
  if (outbox_.empty() || connecting_) return;
  network_.scheduler().after(linger, "linger", id_, [this] {
    if (!outbox_.empty()) reset();
  });
}

void Endpoint::detach() {
  if (!usable("detach")) return;
  if (backlog() != 0) return network_.judge().fail("detach() of a stream with a backlog");
  if (connecting_ || ended_) return network_.judge().fail("detach() of a stream that is not open");
  detached_ = true;
}

}  // namespace heim::sim
