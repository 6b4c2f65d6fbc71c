// One byte stream to the outside, as the sans-IO floors see it: the only door through the line.
//
// `io/` implements it over sockets and TLS, the simulator over virtual wires. A stream and its
// handler live on one thread. A stream calls its handler only from the loop, never from inside a
// call the handler makes: there is no re-entry.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/clock.hpp"

namespace heim {

class Stream;

/// What a finished TLS handshake tells.
struct TlsInfo {
  std::string version;                  // "TLSv1.3"
  std::string cipher;                   // OpenSSL's name
  std::string alpn;                     // empty if none was agreed
  std::string peer_common_name;         // of a verified client certificate, else empty
  std::string peer_distinguished_name;  // RFC 2253, else empty
  std::string endpoint_hash;  // tls-server-end-point (RFC 5929) of the *server's* certificate
};

/// Why a stream ended. `message` is for logs; empty means the peer closed in good order.
struct StreamEnd {
  bool orderly = true;
  std::string message;
};

/// Receives what happens on a stream. Every call may end with the handler calling Stream::close().
class StreamHandler {
 public:
  virtual ~StreamHandler() = default;
  /// An outgoing stream reached its peer. Before it, writes are kept.
  virtual void on_connected(Stream&) {}
  /// Bytes came. They are borrowed until return. Never empty.
  virtual void on_bytes(Stream& stream, Bytes bytes) = 0;
  /// The TLS handshake asked for by start_tls_*() finished. A failed one ends the stream instead.
  virtual void on_tls(Stream&, const TlsInfo&) {}
  /// The backlog fell to zero after write() had left some.
  virtual void on_drained(Stream&) {}
  /// The peer is gone, connecting failed, or the handshake failed. Last call; the handler must
  /// close().
  virtual void on_end(Stream& stream, const StreamEnd& end) = 0;
};

/// libpq's sslmode words, with libpq's meaning.
enum class SslMode : std::uint8_t { disable, allow, prefer, require, verify_ca, verify_full };

/// What stands before the name of a backend of this very process in Target::host.
inline constexpr std::string_view in_process = "backend:";

/// Where an outgoing stream goes.
struct Target {
  /// A name, an address, a directory that starts with '/' (unix socket, libpq's rule), or
  /// `in_process` and a name.
  std::string host;
  std::uint16_t port = 5432;
  Duration connect_timeout = std::chrono::seconds(15);
};

class Stream {
 public:
  virtual ~Stream() = default;
  /// Takes all segments in order. What the kernel does not accept at once is copied and sent later.
  virtual void write(std::span<const Bytes> segments) = 0;
  /// Bytes taken by write() and not yet accepted by the kernel.
  virtual std::size_t backlog() const = 0;
  /// Stops and resumes on_bytes(). A paused stream may not notice that its peer left until it
  /// resumes.
  virtual void pause() = 0;
  virtual void resume() = 0;
  /// Starts TLS as the server side (certificate from the transport's settings), or as the client
  /// side; `host` is what a verifying mode compares. Ends the stream if it fails. `already_read`
  /// (copied) are bytes of the client's first flight that on_bytes() has shown already: direct TLS,
  /// without SSLRequest.
  virtual void start_tls_server(Bytes already_read = {}) = 0;
  virtual void start_tls_client(const std::string& host, SslMode mode) = 0;
  /// Sends the backlog (bounded by `linger`), then closes. No handler call comes after this, and
  /// the stream destroys itself: the reference is dead for the caller.
  virtual void close(Duration linger = std::chrono::seconds(5)) = 0;
  /// Hands events to another handler from now on.
  virtual void set_handler(StreamHandler& handler) = 0;
  /// Takes the stream off its loop, to be adopted by another (see Transport::adopt). It must have
  /// no backlog. Afterwards only the transport that adopts it may touch it.
  virtual void detach() = 0;
  /// "127.0.0.1:5432", "[::1]:5432" or "unix". For logs and SHOW.
  virtual std::string peer_name() const = 0;
  virtual std::string local_name() const = 0;
  virtual bool is_unix() const = 0;
  virtual bool is_loopback() const = 0;
  /// For a unix socket: the user name of the peer (SO_PEERCRED); else empty.
  virtual std::string peer_user() const { return {}; }
  virtual bool is_tls() const = 0;
  /// The other end is this very process: it is whom it says it is.
  virtual bool is_own_process() const { return false; }
  /// Not 0: nobody is there who reads, and this is why it asks.
  virtual std::uint8_t purpose() const { return 0; }
};

/// Makes outgoing streams on one thread's loop.
class Transport {
 public:
  virtual ~Transport() = default;
  /// Never fails at once: errors arrive by on_end(). Caller keeps the pointer until it calls
  /// close().
  virtual Stream* connect(const Target& target, StreamHandler& handler) = 0;
  /// Puts a detached stream on this loop.
  virtual void adopt(Stream& stream, StreamHandler& handler) = 0;
  /// Whether a client's SSLRequest can be answered 'S'.
  virtual bool can_serve_tls() const = 0;
  /// tls-server-end-point hash of our own certificate, for SCRAM-SHA-256-PLUS; empty without TLS.
  virtual std::string endpoint_hash() const = 0;
};

}  // namespace heim
