// Connections that a program makes and moves the bytes of: streams without sockets, and the queue
// of what the program is to do with them.
//
// The engine's side is Stream and Transport. The program's side tells what came, and takes actions
// and bytes out; it is never called.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/stream.hpp"
#include "embed/failure.hpp"
#include "io/backlog.hpp"

namespace heim::embed {

class Connections;

/// Who is at the other end.
struct Peer {
  /// "192.0.2.1:5432"; nothing: a unix socket. Throws Failure where it is neither.
  static Peer of(const char* address, const char* user);
  static Peer of(const Target& target);
  std::string name;
  std::string user;  // of the system; empty: not known
  bool is_unix = false;
  bool is_loopback = false;
};

/// What the program is to do. Borrowed until the next action is taken.
struct Action {
  enum class Kind : std::uint8_t { none, connect, send, flow, start_tls, close, sample };
  Kind kind = Kind::none;
  std::uint64_t connection = 0;
  Bytes data;
  Target target;       // of connect, and of start_tls as a client
  bool pause = false;  // of flow
  bool as_server = false;
  SslMode verify = SslMode::disable;
};

/// Made by Connections, ends when the program has taken its close. The program's calls throw
/// Failure, and have changed nothing, where it is not the moment for them.
class Connection final : public Stream {
 public:
  static constexpr std::size_t kept_limit = 1 << 20;

  Connection(Connections& all, std::uint64_t id, Peer peer);
  Connection(Connections& all, std::uint64_t id, Target target, StreamHandler& handler);

  // ---- the program's side
  void connected(std::optional<Peer> peer);
  void received(Bytes bytes);
  Bytes unsent() const { return can_send() ? backlog_.view() : Bytes(); }
  void sent(std::size_t count);
  void secured(const TlsInfo& info);
  /// `why` empty: its peer ended it.
  void ended(std::string why);

  // ---- of its Connections
  /// What came while it was paused.
  void go_on();
  void tick(Instant now);
  /// False: there is nothing to do any more.
  bool fill(Action& action);
  /// The program knows of it.
  bool is_announced() const { return announced_; }

  // ---- Stream
  void write(std::span<const Bytes> segments) override;
  std::size_t backlog() const override;
  void pause() override;
  void resume() override;
  void start_tls_server(Bytes already_read) override;
  void start_tls_client(const std::string& host, SslMode mode) override;
  void close(Duration linger) override;
  void set_handler(StreamHandler& handler) override { handler_ = &handler; }
  void detach() override {}
  std::string peer_name() const override { return peer_.name; }
  std::string local_name() const override { return {}; }
  bool is_unix() const override { return peer_.is_unix; }
  bool is_loopback() const override { return peer_.is_loopback; }
  std::string peer_user() const override { return peer_.user; }
  bool is_tls() const override { return tls_ == Tls::on; }

  const std::uint64_t id;

 private:
  enum class State : std::uint8_t { connecting, open, ended, closed };
  /// `waits`: for what goes before it to be sent.
  enum class Tls : std::uint8_t { off, waits, asked, told, on };
  bool can_send() const { return state_ != State::connecting; }
  bool in_handshake() const { return tls_ != Tls::off && tls_ != Tls::on; }
  [[noreturn]] void refuse(Trouble trouble, const char* why) const;
  void must_read() const;
  void announce(Action::Kind kind);
  void announce_send();
  void announce_tls();
  void announce_close();
  void start_tls(bool as_server, const std::string& host, SslMode mode);
  void deliver(Bytes bytes);
  void end();
  bool fill_flow(Action& action);

  Connections& all_;
  Peer peer_;
  Target target_;
  StreamHandler* handler_ = nullptr;
  io::Backlog backlog_;             // what the program is to send
  io::Backlog early_;               // what goes behind the handshake
  std::string kept_;                // came while paused
  std::string hello_;               // of the handshake: came already
  std::optional<std::string> end_;  // why, where what is kept goes first
  Instant due_ = never;             // connecting fails, or closing waits no longer
  State state_ = State::open;
  Tls tls_ = Tls::off;
  SslMode verify_ = SslMode::disable;
  bool as_server_ = false;
  bool failed_ = false;  // nothing can be sent any more
  bool stuck_ = false;   // the program could not send all
  bool owes_drained_ = false;
  bool paused_ = false, told_paused_ = false;
  bool announced_ = true;
  bool send_queued_ = false, close_queued_ = false;
};

class Connections final : public Transport {
 public:
  /// The clock outlives it.
  Connections(Clock& clock, bool serves_tls, std::string endpoint_hash);

  // ---- the program's side
  /// A stream that a client has come by; it has no handler yet.
  Connection& accept(Peer peer);
  /// Throws Failure where there is none.
  Connection& find(std::uint64_t id);
  bool empty() const { return connections_.empty(); }
  const Action& next_action();
  /// Whether something waits to be delivered. Does it.
  bool go_on();
  void tick();

  // ---- of its connections
  void push(Action::Kind kind, std::uint64_t id = 0) { queue_.push_back({kind, id}); }
  void come_back(std::uint64_t id) { due_.push_back(id); }
  Instant now() { return clock_.now(); }

  // ---- Transport
  Stream* connect(const Target& target, StreamHandler& handler) override;
  void adopt(Stream&, StreamHandler&) override {}  // there is one worker: nobody to detach it for
  bool can_serve_tls() const override { return serves_tls_; }
  std::string endpoint_hash() const override { return endpoint_hash_; }

 private:
  struct Entry {
    Action::Kind kind;
    std::uint64_t id;
  };
  bool fill(const Entry& entry);

  Clock& clock_;
  const bool serves_tls_;
  const std::string endpoint_hash_;
  std::map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  std::uint64_t last_id_ = 0;
  std::deque<Entry> queue_;
  std::vector<std::uint64_t> due_;
  Action action_;
};

}  // namespace heim::embed
