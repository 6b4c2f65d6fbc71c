#include "io/socket_transport.hpp"

namespace heim::io {

SocketTransport::SocketTransport(Loop& loop, SocketOptions options)
    : loop_(loop), options_(options) {}

SocketTransport::~SocketTransport() {
  while (SocketStream* stream = streams_.front()) delete stream;
}

void SocketTransport::set_tls(TlsContext::Ptr server, TlsContext::Ptr client) {
  server_tls_ = std::move(server);
  client_tls_ = std::move(client);
}

TlsContext::Ptr SocketTransport::tls_for(bool server, std::string& error) {
  if (server && !server_tls_) error = "TLS towards clients is not configured";
  if (!server && !client_tls_) {
    auto made = TlsContext::client({});
    made ? void(client_tls_ = *made) : void(error = made.error().message);
  }
  return server ? server_tls_ : client_tls_;
}

Stream* SocketTransport::connect(const Target& target, StreamHandler& handler) {
  auto* stream = new SocketStream(*this, handler);
  stream->start_connecting(target, options_);
  return stream;
}

void SocketTransport::adopt(Stream& stream, StreamHandler& handler) {
  static_cast<SocketStream&>(stream).attach(*this, handler);
}

SocketStream* SocketTransport::adopt_fd(int fd, StreamHandler& handler) {
  auto* stream = new SocketStream(*this, handler);
  stream->start_open(Fd(fd));
  return stream;
}

std::string SocketTransport::endpoint_hash() const {
  return server_tls_ ? server_tls_->endpoint_hash() : std::string();
}

}  // namespace heim::io
