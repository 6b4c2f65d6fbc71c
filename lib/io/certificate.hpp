// Questions about an X.509 certificate.
#pragma once
#include <string>

struct x509_st;

namespace heim::io {

/// tls-server-end-point of RFC 5929: the certificate's hash with the digest of its signature
/// (SHA-256 in place of MD5 and SHA-1). Raw bytes. Empty if the signature has no digest (Ed25519):
/// then there is no channel binding of this type.
std::string endpoint_hash_of(x509_st& certificate);

/// The subject's common name in UTF-8; empty if there is none or it contains a NUL.
std::string common_name_of(x509_st& certificate);

/// The subject in RFC 2253 form.
std::string distinguished_name_of(x509_st& certificate);

/// libpq's rule for verify-full: a name matches the DNS names, or the common name if there are
/// none; an address matches the IP addresses (or a DNS name that spells it), or the common name if
/// there are none.
bool certificate_matches_host(x509_st& certificate, const std::string& host);

bool is_ip_address(const std::string& host);

}  // namespace heim::io
