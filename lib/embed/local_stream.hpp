// A client's stream without a socket: the session at its other end is in this process.
//
// The engine's side is a Stream like any other. The session's side runs under its seat's lock, and
// never from inside a call that the engine makes.
#pragma once
#include "base/stream.hpp"
#include "embed/inbox.hpp"
#include "runtime/seat.hpp"

namespace heim::embed {

class LocalStream final : public Stream {
 public:
  /// Both outlive it.
  LocalStream(runtime::Seat& seat, runtime::Guest& guest) : seat_(seat), guest_(guest) {}

  // ---- the session's side -------------------------------------------------------
  // What throws within the engine ends the process: see runtime/seat.hpp.
  /// The engine accepts it as it does a socket. Once.
  void connect(session::Hub& hub) noexcept;
  bool is_open() const { return handler_ != nullptr; }
  /// How many of the bytes the engine took: it may not want all of them now, and stirs the guest
  /// when it does.
  std::size_t feed(Bytes bytes) noexcept;
  void hang_up() noexcept;
  /// There was no memory for all that came.
  bool has_lost() const { return has_lost_; }
  Inbox inbox;
  /// With a bound, all that lies in the inbox counts as not sent; without, what the session has not
  /// seen yet. The server is not read while that is much.
  void set_bounded(bool bounded) { bounded_ = bounded; }
  /// The session has looked at all of the inbox, and may have taken some of it out.
  void seen() noexcept;

  // ---- Stream -------------------------------------------------------------------
  void write(std::span<const Bytes> segments) override;
  std::size_t backlog() const override { return bounded_ ? inbox.size() : unseen_; }
  void pause() override { paused_ = true; }
  void resume() override;
  void start_tls_server(Bytes) override {}
  void start_tls_client(const std::string&, SslMode) override {}
  void close(Duration linger) override;
  void set_handler(StreamHandler& handler) override { handler_ = &handler; }
  void detach() override {}
  std::string peer_name() const override { return "in-process"; }
  std::string local_name() const override { return "in-process"; }
  bool is_unix() const override { return true; }
  bool is_loopback() const override { return false; }
  bool is_tls() const override { return false; }
  bool is_own_process() const override { return true; }

 private:
  runtime::Seat& seat_;
  runtime::Guest& guest_;
  StreamHandler* handler_ = nullptr;  // null: not connected yet, or closed
  std::size_t unseen_ = 0;            // bytes of the inbox
  bool paused_ = false;
  bool bounded_ = false;
  bool owes_drained_ = false;
  bool has_lost_ = false;
};

}  // namespace heim::embed
