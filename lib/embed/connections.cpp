#include "embed/connections.hpp"

#include <algorithm>
#include <utility>

#include "auth/address.hpp"

namespace heim::embed {
namespace {

/// What a socket's own buffer would hold: no backlog yet.
constexpr std::size_t room = 64 << 10;
/// As much of what came as the engine gets at a time.
constexpr std::size_t portion = 64 << 10;

bool is_loopback(const auth::Address& address) {
  if (!address.v6) return address.bytes[0] == 127;
  return address == auth::Address::parse("::1");
}

}  // namespace

Peer Peer::of(const char* address, const char* user) {
  Peer peer;
  if (user) peer.user = user;
  peer.is_unix = !address;
  peer.name = address ? address : "unix";
  if (peer.is_unix) return peer;
  const auto found = auth::Address::of_peer(peer.name);
  if (!found) throw Failure(Trouble::invalid, "'address' is none: " + peer.name);
  peer.is_loopback = embed::is_loopback(*found);
  return peer;
}

Peer Peer::of(const Target& target) {
  Peer peer;
  peer.is_unix = target.host.starts_with('/');
  const bool brackets = target.host.find(':') != target.host.npos;
  peer.name = peer.is_unix ? "unix"
                           : (brackets ? '[' + target.host + ']' : target.host) + ':' +
                                 std::to_string(target.port);
  const auto found = auth::Address::parse(target.host);
  peer.is_loopback = found && embed::is_loopback(*found);
  return peer;
}

Connection::Connection(Connections& all, std::uint64_t the_id, Peer peer)
    : id(the_id), all_(all), peer_(std::move(peer)) {}

Connection::Connection(Connections& all, std::uint64_t the_id, Target target,
                       StreamHandler& handler)
    : id(the_id),
      all_(all),
      peer_(Peer::of(target)),
      target_(std::move(target)),
      handler_(&handler),
      due_(target_.connect_timeout > Duration::zero() ? all.now() + target_.connect_timeout
                                                      : never),
      state_(State::connecting),
      announced_(false) {}

void Connection::announce(Action::Kind kind) { all_.push(kind, id); }

void Connection::announce_send() {
  if (backlog_.empty() || std::exchange(send_queued_, true)) return;
  announce(Action::Kind::send);
}

void Connection::announce_close() {
  if (!std::exchange(close_queued_, true)) announce(Action::Kind::close);
}

// ---- what the program tells

void Connection::refuse(Trouble trouble, const char* why) const {
  throw Failure(trouble, "connection " + std::to_string(id) + ' ' + why);
}

// That bytes may come now.
void Connection::must_read() const {
  if (state_ == State::connecting) refuse(Trouble::state, "is not connected yet");
  if (state_ == State::ended || end_) refuse(Trouble::state, "has ended");
  if (tls_ == Tls::told) refuse(Trouble::state, "is amid its handshake");
  if (kept_.size() < kept_limit && hello_.size() < kept_limit) return;
  refuse(Trouble::state, "is not to be read now, and too much came already");
}

void Connection::connected(std::optional<Peer> peer) {
  if (state_ == State::closed) return;
  if (state_ != State::connecting) refuse(Trouble::state, "is not to be connected");
  if (peer) peer_ = std::move(*peer);
  state_ = State::open;
  due_ = never;
  handler_->on_connected(*this);
  if (state_ != State::open) return;
  announce_send();
  announce(Action::Kind::flow);
}

void Connection::received(Bytes bytes) {
  if (state_ == State::closed) return;
  must_read();
  deliver(bytes);
}

void Connection::deliver(Bytes bytes) {
  while (!bytes.empty() && state_ == State::open) {
    if (in_handshake()) {
      hello_ += as_text(bytes);
      return;
    }
    if (paused_) {
      kept_ += as_text(bytes);
      return;
    }
    const Bytes now = bytes.first(std::min(portion, bytes.size()));
    bytes = bytes.subspan(now.size());
    handler_->on_bytes(*this, now);
  }
}

void Connection::go_on() {
  if (state_ != State::open || paused_) return;
  const std::string bytes = std::exchange(kept_, {});
  deliver(as_bytes(bytes));
  if (end_ && kept_.empty() && state_ == State::open) end();
}

void Connection::sent(std::size_t count) {
  if (state_ == State::closed && backlog_.empty()) return;
  if (count > unsent().size()) refuse(Trouble::invalid, "had less to send");
  backlog_.consume(count);
  stuck_ = !backlog_.empty();
  owes_drained_ |= stuck_;
  if (stuck_) return;
  if (state_ == State::closed) return announce_close();
  if (tls_ == Tls::waits) announce_tls();
  if (std::exchange(owes_drained_, false) && state_ == State::open) handler_->on_drained(*this);
}

void Connection::secured(const TlsInfo& info) {
  if (state_ == State::closed) return;
  if (tls_ != Tls::told || state_ != State::open) refuse(Trouble::state, "is in no handshake");
  tls_ = Tls::on;
  hello_.clear();
  backlog_ = std::exchange(early_, {});
  announce_send();
  handler_->on_tls(*this, info);
}

void Connection::ended(std::string why) {
  if (state_ == State::closed) {
    backlog_.clear();
    return announce_close();
  }
  if (state_ == State::ended || end_) refuse(Trouble::state, "has ended before");
  if (why.empty() && state_ == State::connecting) why = "connection failed";
  if (why.empty() && in_handshake()) why = "connection closed during the TLS handshake";
  failed_ = !why.empty();
  if (failed_) backlog_.clear();
  end_ = std::move(why);
  if (kept_.empty()) end();
}

void Connection::end() {
  state_ = State::ended;
  const StreamEnd end{end_->empty(), *end_};
  handler_->on_end(*this, end);
}

// ---- time

void Connection::tick(Instant now) {
  if (now < due_) return;
  due_ = never;
  if (state_ == State::connecting) return ended("connecting took too long");
  backlog_.clear();
  announce_close();
}

// ---- what the program is to do

bool Connection::fill_flow(Action& action) {
  if (state_ != State::open || paused_ == told_paused_) return false;
  action.pause = told_paused_ = paused_;
  return true;
}

bool Connection::fill(Action& action) {
  switch (action.kind) {
    case Action::Kind::connect:
      if (state_ != State::connecting) return false;
      announced_ = true;
      action.target = target_;
      return true;
    case Action::Kind::send:
      send_queued_ = false;
      action.data = unsent();
      return !action.data.empty();
    case Action::Kind::flow:
      return fill_flow(action);
    case Action::Kind::start_tls:
      if (state_ != State::open) return false;
      tls_ = Tls::told;
      action.as_server = as_server_;
      action.verify = verify_;
      action.target = target_;
      action.data = as_bytes(hello_);
      return true;
    default:
      return announced_;
  }
}

// ---- what the engine does

void Connection::write(std::span<const Bytes> segments) {
  if (failed_ || state_ == State::closed) return;
  io::Backlog& to = in_handshake() ? early_ : backlog_;
  const bool first = backlog_.empty() && can_send();
  for (const Bytes segment : segments) to.append(segment);
  if (first) announce_send();
  owes_drained_ |= backlog() > 0;
}

std::size_t Connection::backlog() const {
  const std::size_t size = backlog_.size() + early_.size();
  return stuck_ || !can_send() || in_handshake() || size > room ? size : 0;
}

void Connection::pause() {
  if (std::exchange(paused_, true) || state_ != State::open) return;
  announce(Action::Kind::flow);
}

void Connection::resume() {
  if (!std::exchange(paused_, false) || state_ != State::open) return;
  announce(Action::Kind::flow);
  if (!kept_.empty() || end_) all_.come_back(id);
}

void Connection::start_tls_server(Bytes already_read) {
  hello_ = as_text(already_read);
  start_tls(true, {}, SslMode::disable);
}

void Connection::start_tls_client(const std::string& host, SslMode mode) {
  start_tls(false, host, mode);
}

void Connection::start_tls(bool as_server, const std::string& host, SslMode mode) {
  as_server_ = as_server;
  if (!as_server) target_.host = host;
  verify_ = mode;
  tls_ = Tls::waits;
  if (backlog_.empty()) announce_tls();
}

void Connection::announce_tls() {
  tls_ = Tls::asked;
  announce(Action::Kind::start_tls);
}

void Connection::close(Duration linger) {
  const bool can_flush = state_ != State::connecting && !in_handshake() && !failed_;
  handler_ = nullptr;
  state_ = State::closed;
  kept_.clear();
  early_.clear();
  if (!can_flush || linger <= Duration::zero()) backlog_.clear();
  due_ = all_.now() + linger;
  if (backlog_.empty()) announce_close();
}

// ---- all of them

Connections::Connections(Clock& clock, bool serves_tls, std::string endpoint_hash)
    : clock_(clock), serves_tls_(serves_tls), endpoint_hash_(std::move(endpoint_hash)) {}

Connection& Connections::accept(Peer peer) {
  const std::uint64_t id = ++last_id_;
  auto made = std::make_unique<Connection>(*this, id, std::move(peer));
  return *(connections_[id] = std::move(made));
}

Stream* Connections::connect(const Target& target, StreamHandler& handler) {
  const std::uint64_t id = ++last_id_;
  auto made = std::make_unique<Connection>(*this, id, target, handler);
  push(Action::Kind::connect, id);
  return (connections_[id] = std::move(made)).get();
}

Connection& Connections::find(std::uint64_t id) {
  const auto found = connections_.find(id);
  if (found != connections_.end() && found->second->is_announced()) return *found->second;
  throw Failure(Trouble::invalid, "there is no connection " + std::to_string(id));
}

const Action& Connections::next_action() {
  while (!queue_.empty()) {
    const Entry entry = queue_.front();
    queue_.pop_front();
    if (fill(entry)) return action_;
  }
  return action_ = {};
}

bool Connections::fill(const Entry& entry) {
  action_ = {};
  action_.kind = entry.kind;
  action_.connection = entry.id;
  if (entry.kind == Action::Kind::sample) return true;
  const auto found = connections_.find(entry.id);
  if (found == connections_.end()) return false;
  const bool is_news = found->second->fill(action_);
  if (entry.kind == Action::Kind::close) connections_.erase(found);
  return is_news;
}

bool Connections::go_on() {
  if (due_.empty()) return false;
  for (const std::uint64_t id : std::exchange(due_, {})) {
    const auto found = connections_.find(id);
    if (found != connections_.end()) found->second->go_on();
  }
  return true;
}

void Connections::tick() {
  std::vector<std::uint64_t> ids;
  for (const auto& [id, connection] : connections_) ids.push_back(id);
  for (const std::uint64_t id : ids) connections_.at(id)->tick(now());
}

}  // namespace heim::embed
