// TLS as a filter: encrypted bytes in, plain bytes out, and back. It touches no socket; so a stream
// reads and writes the same way with TLS and without, and one recv() or send() serves many records.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/stream.hpp"
#include "io/loop.hpp"
#include "io/tls_context.hpp"

struct ssl_st;

namespace heim::io {

/// Lives on its stream's thread and moves with it. What it wants sent it appends to scratch.cipher.
class TlsSession {
 public:
  enum class State : std::uint8_t { handshake, open, peer_closed, failed };

  explicit TlsSession(TlsContext::Ptr context);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  /// One of the two, once, before all else. A failure shows as State::failed.
  void begin_server();
  void begin_client(const std::string& host, SslMode mode);

  /// More encrypted bytes, borrowed until stash().
  void feed(Bytes encrypted);
  /// Keeps a copy of what was fed and not used yet.
  void stash();
  /// Whether read() may have something without another feed().
  bool has_input() const;

  /// Goes as far as the input lets it: the state says where that is.
  void handshake(Scratch& scratch);
  /// Decrypts into `into`; returns how many bytes. 0: no whole record there, or the state changed.
  std::size_t read(std::span<std::uint8_t> into, Scratch& scratch);
  /// Encrypts all of it. After the handshake only.
  void write(std::span<const Bytes> segments, Scratch& scratch);
  /// Says goodbye to the peer.
  void shutdown(Scratch& scratch);

  State state() const { return state_; }
  /// Why it failed.
  const std::string& error() const { return error_; }
  /// After the handshake.
  TlsInfo info() const;

 private:
  friend struct TlsBio;
  void fail(std::string why);
  void fail_from_library();
  void finish_handshake();
  bool encrypt(Bytes bytes);
  void on_result(int result);

  struct Free {
    void operator()(ssl_st* ssl) const;
  };
  TlsContext::Ptr context_;
  std::unique_ptr<ssl_st, Free> ssl_;
  Bytes input_;  // what the BIO reads from: borrowed, or kept_
  std::vector<std::uint8_t> kept_;
  std::vector<std::uint8_t>* out_ = nullptr;  // where the BIO writes to, during a call
  std::string verify_host_;                   // compared after the handshake, if not empty
  std::string error_;
  State state_ = State::handshake;
  bool server_ = false;
};

}  // namespace heim::io
