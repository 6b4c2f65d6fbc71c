#include "io/tls_context.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <string_view>

#include "io/certificate.hpp"
#include "io/tls_error.hpp"

namespace heim::io {
namespace {

// The protocol name of ALPN, with its length in front.
constexpr unsigned char alpn_protocols[] = "\x0apostgresql";
constexpr unsigned alpn_size = sizeof alpn_protocols - 1;
constexpr std::string_view session_scope = "heimproxy";

Error config_error(std::string message) { return {"F0000", std::move(message), {}, {}}; }

Error load_error(const char* what, const std::string& file) {
  return config_error("could not load " + std::string(what) + " \"" + file +
                      "\": " + take_tls_error());
}

// A client that offers protocols, but not ours, is talking to the wrong server: refuse, as
// PostgreSQL does.
int select_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                unsigned in_size, void*) {
  unsigned char* chosen = nullptr;
  const int found =
      SSL_select_next_proto(&chosen, out_size, alpn_protocols, alpn_size, in, in_size);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

int refuse_pass_phrase(char*, int, int, void*) { return -1; }

int version_number(const std::string& name) {
  if (name.empty() || name == "TLSv1.2") return TLS1_2_VERSION;
  return name == "TLSv1.3" ? TLS1_3_VERSION : 0;
}

}  // namespace

void TlsContext::Free::operator()(SSL_CTX* context) const { SSL_CTX_free(context); }

TlsContext::TlsContext(SSL_CTX* context) : context_(context) {}
TlsContext::~TlsContext() = default;

Result<TlsContext::Ptr> TlsContext::server(const TlsOptions& options) {
  ERR_clear_error();
  std::shared_ptr<TlsContext> made(new TlsContext(SSL_CTX_new(TLS_server_method())));
  if (auto done = made->set_up(options); !done) return done.error();
  if (auto done = made->set_up_server(options); !done) return done.error();
  return Ptr(std::move(made));
}

Result<TlsContext::Ptr> TlsContext::client(const TlsOptions& options) {
  ERR_clear_error();
  std::shared_ptr<TlsContext> made(new TlsContext(SSL_CTX_new(TLS_client_method())));
  if (auto done = made->set_up(options); !done) return done.error();
  SSL_CTX_set_alpn_protos(made->raw(), alpn_protocols, alpn_size);
  SSL_CTX_set_session_cache_mode(made->raw(), SSL_SESS_CACHE_OFF);  // PostgreSQL resumes none
  return Ptr(std::move(made));
}

Result<void> TlsContext::set_up(const TlsOptions& options) {
  if (!context_) return config_error("could not make a TLS context: " + take_tls_error());
  const int version = version_number(options.min_version);
  if (version == 0) {
    return config_error("TLS version \"" + options.min_version +
                        "\" is not known: TLSv1.2 and TLSv1.3 are");
  }
  SSL_CTX_set_min_proto_version(raw(), version);
  SSL_CTX_set_options(raw(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_default_passwd_cb(raw(), refuse_pass_phrase);
  if (!options.ciphers.empty() && SSL_CTX_set_cipher_list(raw(), options.ciphers.c_str()) != 1) {
    return config_error("TLS ciphers \"" + options.ciphers + "\": " + take_tls_error());
  }
  if (!options.ca_file.empty()) {
    if (auto done = load_ca(options.ca_file); !done) return done;
  }
  return options.cert_file.empty() && options.key_file.empty() ? Result<void>()
                                                               : load_certificate(options);
}

Result<void> TlsContext::load_ca(const std::string& file) {
  const int loaded = file == "system" ? SSL_CTX_set_default_verify_paths(raw())
                                      : SSL_CTX_load_verify_file(raw(), file.c_str());
  if (loaded != 1) return load_error("root certificate file", file);
  has_ca_ = true;
  return {};
}

Result<void> TlsContext::load_certificate(const TlsOptions& options) {
  if (options.cert_file.empty()) return config_error("TLS key_file is set, cert_file is not");
  if (options.key_file.empty()) return config_error("TLS cert_file is set, key_file is not");
  if (SSL_CTX_use_certificate_chain_file(raw(), options.cert_file.c_str()) != 1) {
    return load_error("certificate file", options.cert_file);
  }
  if (SSL_CTX_use_PrivateKey_file(raw(), options.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return load_error("private key file", options.key_file);
  }
  if (SSL_CTX_check_private_key(raw()) != 1) {
    return config_error("private key \"" + options.key_file +
                        "\" does not belong to certificate \"" + options.cert_file +
                        "\": " + take_tls_error());
  }
  endpoint_hash_ = endpoint_hash_of(*SSL_CTX_get0_certificate(raw()));
  return {};
}

Result<void> TlsContext::set_up_server(const TlsOptions& options) {
  if (options.cert_file.empty()) return config_error("TLS towards clients needs a cert_file");
  const bool demand = options.mode >= SslMode::verify_ca;
  if (demand && !has_ca_) return config_error("verifying clients needs a ca_file");
  if (has_ca_) {
    SSL_CTX_set_verify(raw(), SSL_VERIFY_PEER | (demand ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                       nullptr);
    SSL_CTX_set_client_CA_list(raw(), SSL_load_client_CA_file(options.ca_file.c_str()));
    ERR_clear_error();
  }
  // Tickets resume sessions without a cache that threads would share under a lock.
  SSL_CTX_set_session_cache_mode(raw(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(raw(), 1);
  SSL_CTX_set_session_id_context(raw(),
                                 reinterpret_cast<const unsigned char*>(session_scope.data()),
                                 static_cast<unsigned>(session_scope.size()));
  SSL_CTX_set_options(raw(), SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Many clients idle: their 34 KiB of record buffers are worth an allocation a message.
  SSL_CTX_set_mode(raw(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(raw(), select_alpn, nullptr);
  return {};
}

}  // namespace heim::io
