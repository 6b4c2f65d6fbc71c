// A Stream over a socket, with or without TLS.
//
// In the steady state a message costs one recv() here and one send() on the stream it leaves by:
// interest in reading stays registered, pause() and resume() only set a flag unless bytes come in
// between, and nothing is allocated. Bytes are received into a buffer that all streams of the loop
// share.
#pragma once
#include <memory>
#include <span>
#include <string>

#include "base/list.hpp"
#include "base/stream.hpp"
#include "io/backlog.hpp"
#include "io/connector.hpp"
#include "io/deferred.hpp"
#include "io/endpoint.hpp"
#include "io/fd.hpp"
#include "io/poller.hpp"
#include "io/timer.hpp"
#include "io/tls_session.hpp"

namespace heim::io {

class SocketTransport;

/// Made by SocketTransport; ends by close(). Lives on its transport's thread. Deleting one is right
/// only for a detached stream that nobody will adopt: it closes the socket at once.
class SocketStream final : public Stream, PollTarget, Deferred, ConnectorOwner {
 public:
  ~SocketStream() override;

  void write(std::span<const Bytes> segments) override;
  std::size_t backlog() const override;
  void pause() override { paused_ = true; }
  void resume() override;
  void start_tls_server(Bytes already_read = {}) override;
  void start_tls_client(const std::string& host, SslMode mode) override;
  void close(Duration linger = std::chrono::seconds(5)) override;
  void set_handler(StreamHandler& handler) override { handler_ = &handler; }
  void detach() override;
  std::string peer_name() const override;
  std::string local_name() const override;
  bool is_unix() const override;
  bool is_loopback() const override { return peer_.is_loopback(); }
  std::string peer_user() const override;
  bool is_tls() const override { return tls_ != nullptr; }

  /// Of the socket; -1 while there is none.
  int descriptor() const { return fd_.get(); }
  /// For whoever has seen by himself that the socket is ready (events as a Poller has them): what
  /// the loop would do at its next turn.
  void look(unsigned events) { on_poll(events); }
  /// The peer's address without its port; empty for a unix socket.
  std::string peer_address() const { return peer_.address_text(); }

  ListHook<SocketStream> transport_hook;  // of the transport

 private:
  friend class SocketTransport;

  enum class State : std::uint8_t {
    connecting,
    open,
    failing,   // on_end() is due, and nothing else
    ended,     // on_end() was called
    flushing,  // closed by the handler: sends what is left
    draining,  // everything is sent: waits for the peer to leave
    detached,
  };
  enum class ReadResult : std::uint8_t {
    more,  // the buffer was filled: there may be more
    dry,   // nothing more for now, or paused
    gone,  // ended, closed, detached: hands off
  };
  // Bytes of TLS that wait for the end of the handshake.
  struct Tls {
    explicit Tls(TlsContext::Ptr context) : session(std::move(context)) {}
    TlsSession session;
    Backlog early;
    bool announced = false;  // on_tls() was called
  };

  SocketStream(SocketTransport& transport, StreamHandler& handler);
  void start_connecting(const Target& target, const SocketOptions& options);
  void start_open(Fd fd);
  void attach(SocketTransport& transport, StreamHandler& handler);

  void on_poll(unsigned events) override;
  void run_deferred() override;
  void on_connector_done(Fd fd, Poller poller) override;
  void on_connector_failed(std::string why) override;

  void watch_what_matters();
  /// Calls the handler. False: it closed or detached the stream, which must not be touched any
  /// more.
  template <class Call>
  bool tell(Call&& call) {
    Loop& loop = this->loop();
    loop.current = this;
    call(*handler_);
    const bool still_mine = loop.current == this;
    loop.current = nullptr;
    return still_mine;
  }
  void end(std::string why);

  void on_readable();
  ReadResult read_once();
  ReadResult on_received(Bytes bytes);
  ReadResult read_what_is_there();
  void on_write_error();
  bool has_unread() const;

  void send(std::span<const Bytes> segments);
  void keep(std::span<const Bytes> segments, std::size_t sent);
  void fail_writing(std::string why);
  void push_backlog();
  bool tell_if_drained();

  Tls* make_tls(bool server);
  void start_handshake();
  bool in_handshake() const { return tls_ && !tls_->announced; }
  ReadResult pump_tls();
  bool advance_handshake();
  bool deliver_plain();
  void send_cipher();

  void finish_close();
  void wait_for_close(Instant deadline);
  bool discard_input();

  Loop& loop() const;

  SocketTransport* transport_;
  StreamHandler* handler_;
  Fd fd_;
  Poller poller_;
  Backlog backlog_;  // what goes to the socket next; encrypted if there is TLS
  std::unique_ptr<Tls> tls_;
  std::unique_ptr<Connector> connector_;
  std::unique_ptr<Timer> linger_;
  std::string error_;  // writing failed: what is written is dropped, on_end() follows
  Instant close_deadline_ = never;
  Endpoint peer_;
  State state_ = State::open;
  bool paused_ = false;
  bool parked_ = false;        // bytes came while paused: reading is not watched until resume()
  bool owes_drained_ = false;  // write() left a backlog: on_drained() is due when it is gone
  bool peer_left_ = false;     // recv() said end of file, or an error
};

}  // namespace heim::io
