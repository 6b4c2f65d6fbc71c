// Keys and certificates made for a test, as PEM files in a directory.
#pragma once
#include <memory>
#include <string>

struct evp_pkey_st;
struct x509_st;

namespace heim::io::test {

/// A key with its certificate, and the files they are in.
struct Identity {
  std::shared_ptr<evp_pkey_st> key;
  std::shared_ptr<x509_st> certificate;
  std::string cert_file, key_file;
};

struct CertificateSpec {
  std::string common_name;
  std::string alt_names;             // "DNS:a.example,IP:127.0.0.1", or empty
  const Identity* issuer = nullptr;  // null: signs itself, as an authority
  bool expired = false;
  const char* digest = "SHA256";  // of the signature
  bool ed25519 = false;           // else P-256
};

/// Writes NAME.crt and NAME.key into `dir`.
Identity make_identity(const std::string& dir, const std::string& name,
                       const CertificateSpec& spec);

/// Hash of a certificate, for comparison.
std::string certificate_digest(const Identity& identity, const char* digest);

/// Writes the identity's key encrypted under a pass phrase; returns the file.
std::string write_encrypted_key(const Identity& identity, const std::string& dir);

}  // namespace heim::io::test
