// The TLS side of SocketStream: between the socket and the handler stands a TlsSession.
#include "io/loop.hpp"
#include "io/socket_stream.hpp"
#include "io/socket_transport.hpp"

namespace heim::io {

void SocketStream::start_tls_server(Bytes already_read) {
  Tls* tls = make_tls(true);
  if (!tls) return;
  tls->session.begin_server();
  tls->session.feed(already_read);
  tls->session.stash();
  start_handshake();
}

void SocketStream::start_tls_client(const std::string& host, SslMode mode) {
  Tls* tls = make_tls(false);
  if (!tls) return;
  tls->session.begin_client(host, mode);
  start_handshake();
}

SocketStream::Tls* SocketStream::make_tls(bool server) {
  if (!error_.empty() || state_ > State::open || tls_) return nullptr;
  std::string why;
  auto context = transport_->tls_for(server, why);
  if (!context) {
    error_ = std::move(why);
    connector_.reset();
    state_ = State::failing;
    watch_what_matters();
    loop().defer(*this);
    return nullptr;
  }
  tls_ = std::make_unique<Tls>(std::move(context));
  return tls_.get();
}

/// From the loop, so that the handler is not called from its own call.
void SocketStream::start_handshake() {
  if (state_ != State::open) return;  // on_connector_done() does
  parked_ = false;                    // a pause is for on_bytes() only
  watch_what_matters();
  loop().defer(*this);
}

SocketStream::ReadResult SocketStream::pump_tls() {
  do {
    if (in_handshake() && !advance_handshake()) return ReadResult::gone;
    if (in_handshake() || paused_) break;
    if (!deliver_plain()) return ReadResult::gone;
  } while (!paused_ && tls_->session.has_input());
  tls_->session.stash();
  return ReadResult::dry;
}

/// False if the stream is gone.
bool SocketStream::advance_handshake() {
  TlsSession& session = tls_->session;
  session.handshake(loop().scratch());
  send_cipher();
  if (session.state() == TlsSession::State::handshake) return true;
  if (session.state() != TlsSession::State::open) {
    end(session.error().empty() ? "connection closed during the TLS handshake" : session.error());
    return false;
  }
  tls_->announced = true;
  if (!tls_->early.empty()) {
    const Bytes early = tls_->early.view();
    session.write({&early, 1}, loop().scratch());
    tls_->early.clear();
    send_cipher();
  }
  const TlsInfo info = session.info();
  return tell([&](StreamHandler& to) { to.on_tls(*this, info); }) && tell_if_drained();
}

/// Decrypts up to one buffer. False if the stream is gone.
bool SocketStream::deliver_plain() {
  TlsSession& session = tls_->session;
  Scratch& scratch = loop().scratch();
  std::uint8_t* plain = scratch.plain_buffer();
  const std::size_t size = session.read({plain, Scratch::buffer_size}, scratch);
  send_cipher();
  const Bytes bytes(plain, size);
  if (size > 0 && !tell([&](StreamHandler& to) { to.on_bytes(*this, bytes); })) return false;
  if (session.state() == TlsSession::State::open) return true;
  end(session.error());
  return false;
}

void SocketStream::send_cipher() {
  auto& cipher = loop().scratch().cipher;
  if (cipher.empty()) return;
  const Bytes bytes = cipher;
  if (error_.empty()) send({&bytes, 1});
  cipher.clear();
  if (cipher.capacity() > Scratch::cipher_keep_max) cipher.shrink_to_fit();
}

}  // namespace heim::io
