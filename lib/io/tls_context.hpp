// Certificates and rules that TLS streams share: loaded once, immutable, replaced as a whole on
// reload.
#pragma once
#include <memory>
#include <string>

#include "base/result.hpp"
#include "base/stream.hpp"

struct ssl_ctx_st;

namespace heim::io {

/// One side's settings. Files are PEM.
struct TlsOptions {
  SslMode mode = SslMode::prefer;
  std::string cert_file;  // with its chain
  std::string key_file;   // not encrypted: nobody is there to type a pass phrase
  /// Whom to believe. Client side: "system" stands for the system's store.
  std::string ca_file;
  std::string ciphers;                  // of TLS 1.2; empty: OpenSSL's default
  std::string min_version = "TLSv1.2";  // or TLSv1.3
};

/// [any thread] Streams keep the context they began with.
class TlsContext {
 public:
  using Ptr = std::shared_ptr<const TlsContext>;
  /// For accepted streams. Needs a certificate. With a ca_file, certificates that clients offer are
  /// verified; verify_ca and verify_full demand one. Clients resume sessions by ticket.
  static Result<Ptr> server(const TlsOptions& options);
  /// For outgoing streams: how much is verified is said per stream (Stream::start_tls_client).
  static Result<Ptr> client(const TlsOptions& options);

  /// tls-server-end-point of our own certificate, raw bytes; empty if there is none.
  const std::string& endpoint_hash() const { return endpoint_hash_; }
  /// Whether there is anybody to believe.
  bool has_ca() const { return has_ca_; }
  ssl_ctx_st* raw() const { return context_.get(); }

  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  explicit TlsContext(ssl_ctx_st* context);
  Result<void> set_up(const TlsOptions& options);
  Result<void> load_certificate(const TlsOptions& options);
  Result<void> load_ca(const std::string& file);
  Result<void> set_up_server(const TlsOptions& options);

  std::unique_ptr<ssl_ctx_st, Free> context_;
  std::string endpoint_hash_;
  bool has_ca_ = false;
};

}  // namespace heim::io
