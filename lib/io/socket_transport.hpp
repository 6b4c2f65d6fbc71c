// Makes streams over sockets on one loop, and owns them.
#pragma once
#include <memory>
#include <string>

#include "base/list.hpp"
#include "base/result.hpp"
#include "base/stream.hpp"
#include "io/loop.hpp"
#include "io/socket_options.hpp"
#include "io/socket_stream.hpp"
#include "io/tls_context.hpp"

namespace heim::io {

/// Lives on its loop's thread; goes before the loop. Streams that are left then are destroyed
/// without a call to their handlers.
class SocketTransport final : public Transport {
 public:
  explicit SocketTransport(Loop& loop, SocketOptions options = {});
  ~SocketTransport() override;
  SocketTransport(const SocketTransport&) = delete;
  SocketTransport& operator=(const SocketTransport&) = delete;

  /// For streams from now on. Null `server`: clients get no TLS. Null `client`: nothing is
  /// configured, so that no verifying mode works.
  void set_tls(TlsContext::Ptr server, TlsContext::Ptr client);
  void set_socket_options(const SocketOptions& options) { options_ = options; }
  /// How backends of this process are reached. Before the first connect().
  void set_dial(Dial dial) { dial_ = std::move(dial); }

  Stream* connect(const Target& target, StreamHandler& handler) override;
  void adopt(Stream& stream, StreamHandler& handler) override;
  bool can_serve_tls() const override { return server_tls_ != nullptr; }
  std::string endpoint_hash() const override;

  /// Takes a connected, non-blocking stream socket, as a Listener gives it. Never null; the pointer
  /// is good until close().
  SocketStream* adopt_fd(int fd, StreamHandler& handler);

  Loop& loop() const { return loop_; }
  std::size_t stream_count() const { return streams_.size(); }

 private:
  friend class SocketStream;
  /// Null with `error` set if there is none and none can be made.
  TlsContext::Ptr tls_for(bool server, std::string& error);

  Loop& loop_;
  SocketOptions options_;
  TlsContext::Ptr server_tls_;
  TlsContext::Ptr client_tls_;
  Dial dial_;
  List<SocketStream, &SocketStream::transport_hook> streams_;
};

}  // namespace heim::io
