#include "io/tls_session.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstring>

#include "io/certificate.hpp"
#include "io/tls_error.hpp"

namespace heim::io {

// The BIO under an SSL: reads what was fed, writes to the scratch buffer, never blocks for writing.
struct TlsBio {
  static int read(BIO* bio, char* to, std::size_t size, std::size_t* done) {
    auto& session = *static_cast<TlsSession*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    *done = std::min(size, session.input_.size());
    if (*done == 0) {
      BIO_set_retry_read(bio);
      return 0;
    }
    std::memcpy(to, session.input_.data(), *done);
    session.input_ = session.input_.subspan(*done);
    return 1;
  }

  static int write(BIO* bio, const char* from, std::size_t size, std::size_t* done) {
    auto& out = *static_cast<TlsSession*>(BIO_get_data(bio))->out_;
    BIO_clear_retry_flags(bio);
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(from);
    out.insert(out.end(), bytes, bytes + size);
    *done = size;
    return 1;
  }

  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static BIO_METHOD* make_method() {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "heimproxy");
    BIO_meth_set_read_ex(method, read);
    BIO_meth_set_write_ex(method, write);
    BIO_meth_set_ctrl(method, control);
    return method;
  }

  static BIO* make(TlsSession& session) {
    static BIO_METHOD* const method = make_method();  // for the life of the process
    BIO* bio = BIO_new(method);
    if (!bio) return nullptr;
    BIO_set_data(bio, &session);
    BIO_set_init(bio, 1);
    return bio;
  }
};

namespace {

using CertificatePtr = std::unique_ptr<X509, decltype(&X509_free)>;

CertificatePtr peer_certificate(const SSL* ssl) {
  return {SSL_get1_peer_certificate(ssl), X509_free};
}

std::string agreed_alpn(const SSL* ssl) {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl, &name, &size);
  return name ? std::string(reinterpret_cast<const char*>(name), size) : std::string();
}

}  // namespace

void TlsSession::Free::operator()(SSL* ssl) const { SSL_free(ssl); }

TlsSession::TlsSession(TlsContext::Ptr context) : context_(std::move(context)) {
  ERR_clear_error();
  ssl_.reset(SSL_new(context_->raw()));
  BIO* bio = ssl_ ? TlsBio::make(*this) : nullptr;
  bio ? SSL_set_bio(ssl_.get(), bio, bio) : fail_from_library();
}

TlsSession::~TlsSession() = default;

void TlsSession::begin_server() {
  if (state_ == State::failed) return;
  server_ = true;
  SSL_set_accept_state(ssl_.get());
}

void TlsSession::begin_client(const std::string& host, SslMode mode) {
  if (state_ == State::failed) return;
  if (mode >= SslMode::verify_ca && !context_->has_ca()) {
    return fail("verifying the server needs a root certificate file (ca_file)");
  }
  // As libpq: a root certificate that is there is used, whatever the mode.
  SSL_set_verify(ssl_.get(), context_->has_ca() ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (mode == SslMode::verify_full) {
    if (host.empty()) return fail("verify-full needs a host name");
    verify_host_ = host;
  }
  if (!host.empty() && !is_ip_address(host)) SSL_set_tlsext_host_name(ssl_.get(), host.c_str());
  SSL_set_connect_state(ssl_.get());
}

void TlsSession::feed(Bytes encrypted) {
  if (input_.empty()) {
    input_ = encrypted;
    return;
  }
  stash();
  kept_.insert(kept_.end(), encrypted.begin(), encrypted.end());
  input_ = kept_;
}

void TlsSession::stash() {
  if (input_.empty()) {
    kept_ = {};
  } else if (input_.data() != kept_.data()) {
    kept_ = std::vector<std::uint8_t>(input_.begin(), input_.end());
    input_ = kept_;
  }
}

bool TlsSession::has_input() const {
  return !input_.empty() || (ssl_ && SSL_pending(ssl_.get()) > 0);
}

void TlsSession::handshake(Scratch& scratch) {
  if (state_ != State::handshake) return;
  out_ = &scratch.cipher;
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) return finish_handshake();
  on_result(result);
}

void TlsSession::finish_handshake() {
  state_ = State::open;
  if (verify_host_.empty()) return;
  const CertificatePtr certificate = peer_certificate(ssl_.get());
  if (certificate && certificate_matches_host(*certificate, verify_host_)) return;
  fail("server certificate for \"" + (certificate ? common_name_of(*certificate) : std::string()) +
       "\" does not match host name \"" + verify_host_ + "\"");
}

void TlsSession::on_result(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return;
    case SSL_ERROR_ZERO_RETURN:
      state_ = State::peer_closed;
      return;
    default:
      return fail_from_library();
  }
}

void TlsSession::fail(std::string why) {
  state_ = State::failed;
  error_ = "TLS: " + std::move(why);
}

void TlsSession::fail_from_library() {
  const bool unverified = ERR_GET_REASON(ERR_peek_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED;
  std::string why = take_tls_error();
  if (unverified && ssl_) {
    why += std::string(": ") + X509_verify_cert_error_string(SSL_get_verify_result(ssl_.get()));
  }
  fail(std::move(why));
}

std::size_t TlsSession::read(std::span<std::uint8_t> into, Scratch& scratch) {
  out_ = &scratch.cipher;
  std::size_t total = 0;
  while (state_ == State::open && total < into.size() && has_input()) {
    std::size_t count = 0;
    ERR_clear_error();
    const int result = SSL_read_ex(ssl_.get(), into.data() + total, into.size() - total, &count);
    if (result != 1) on_result(result);
    total += count;
  }
  return total;
}

bool TlsSession::encrypt(Bytes bytes) {
  if (bytes.empty()) return true;
  std::size_t count = 0;
  ERR_clear_error();
  if (SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &count) == 1) return true;
  fail_from_library();
  return false;
}

void TlsSession::write(std::span<const Bytes> segments, Scratch& scratch) {
  out_ = &scratch.cipher;
  if (segments.size() == 1) {
    encrypt(segments.front());
    return;
  }
  std::uint8_t* record = scratch.record_buffer();
  std::size_t filled = 0;
  for (Bytes segment : segments) {
    if (filled + segment.size() > Scratch::record_size) {
      if (!encrypt({record, filled})) return;
      filled = 0;
      if (segment.size() > Scratch::record_size) {
        if (!encrypt(segment)) return;
        continue;
      }
    }
    if (!segment.empty()) std::memcpy(record + filled, segment.data(), segment.size());
    filled += segment.size();
  }
  encrypt({record, filled});
}

void TlsSession::shutdown(Scratch& scratch) {
  if (state_ != State::open && state_ != State::peer_closed) return;
  out_ = &scratch.cipher;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

TlsInfo TlsSession::info() const {
  TlsInfo info;
  info.version = SSL_get_version(ssl_.get());
  info.cipher = SSL_get_cipher_name(ssl_.get());
  info.alpn = agreed_alpn(ssl_.get());
  const CertificatePtr peer = peer_certificate(ssl_.get());
  if (server_) {
    info.endpoint_hash = context_->endpoint_hash();
    if (peer && SSL_get_verify_result(ssl_.get()) == X509_V_OK) {
      info.peer_common_name = common_name_of(*peer);
      info.peer_distinguished_name = distinguished_name_of(*peer);
    }
  } else if (peer) {
    info.endpoint_hash = endpoint_hash_of(*peer);
  }
  return info;
}

}  // namespace heim::io
