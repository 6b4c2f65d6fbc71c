// One end of a virtual wire.
#pragma once
#include <deque>
#include <string>

#include "network.hpp"

namespace heim::sim {

class Endpoint final : public Stream {
 public:
  Endpoint(Network& network, Host& host, std::uint64_t id, std::string local, std::string peer);

  void write(std::span<const Bytes> segments) override;
  std::size_t backlog() const override { return outbox_.size() + before_tls_.size(); }
  void pause() override;
  void resume() override;
  void start_tls_server(Bytes already_read) override;
  void start_tls_client(const std::string& host, SslMode mode) override;
  void close(Duration linger = std::chrono::seconds(5)) override;
  void set_handler(StreamHandler& handler) override;
  void detach() override;
  std::string peer_name() const override { return peer_name_; }
  std::string local_name() const override { return local_name_; }
  bool is_unix() const override { return false; }
  bool is_loopback() const override { return true; }
  bool is_tls() const override { return tls_ == Tls::on; }

  // What only simulated parties use.
  void write(std::string_view bytes);
  /// Sends the end of file and goes on reading.
  void half_close();
  /// Cuts the wire at once: both ends are told, bytes under way are lost.
  void reset();
  /// Cuts it when this end has received `count` more bytes.
  void reset_after(std::size_t count) { reset_after_ = count; }
  bool closed() const { return closed_; }
  bool ended() const { return ended_; }
  std::uint64_t id() const { return id_; }
  Host& host() { return *host_; }
  Endpoint* peer() { return peer_; }
  /// A word on what this wire is for, written by whoever accepted it; read by the judge.
  std::string purpose;

 private:
  friend class Network;
  friend class Host;
  enum class Tls { off, client_hello, server_hello, on };
  struct Packet {
    Instant arrival;
    std::string bytes;  // empty: end of file
  };
  void connected();
  void fail(std::string reason);  // ends it, from an event
  bool usable(const char* call);
  void send_raw(std::string_view bytes);
  void push();    // outbox to the peer's inbox, as far as the kernel's buffer allows
  void finish();  // outbox is empty: send the end of file if it was asked for
  void kick();    // arranges for deliver()
  void deliver();
  bool deaf() const;
  void deliver_end(bool orderly, std::string reason);
  void deliver_bytes();
  void handshake(const std::string& bytes);
  void flip(std::string& bytes) const;  // the cipher
  std::string take(std::size_t limit);
  std::size_t arrived() const;
  void flush_before_tls();

  Network& network_;
  Host* host_;
  StreamHandler* handler_ = nullptr;
  Endpoint* peer_ = nullptr;
  std::uint64_t id_;
  std::string local_name_, peer_name_;
  std::string outbox_, before_tls_;
  std::deque<Packet> inbox_;
  std::size_t inbox_bytes_ = 0;
  Instant last_arrival_{};
  std::size_t reset_after_ = SIZE_MAX;
  std::string reset_reason_;
  Tls tls_ = Tls::off;
  std::size_t hello_seen_ = 0;
  bool connecting_ = false, paused_ = false, detached_ = false, closed_ = false, ended_ = false;
  bool fin_wanted_ = false, fin_sent_ = false;
  bool was_reset_ = false, reset_noticed_ = false;
  bool kick_pending_ = false, owes_drained_ = false;
  Instant kick_at_{};
};

}  // namespace heim::sim
