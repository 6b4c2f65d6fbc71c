#include "certificates.hpp"

#include <doctest/doctest.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdio>

namespace heim::io::test {
namespace {

using File = std::unique_ptr<FILE, decltype(&std::fclose)>;

File create(const std::string& path) {
  File file(std::fopen(path.c_str(), "w"), std::fclose);
  REQUIRE(file);
  return file;
}

void add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  REQUIRE(extension);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

void add_name(X509* certificate, const std::string& common_name) {
  X509_NAME* name = X509_get_subject_name(certificate);
  auto add = [&](const char* field, const std::string& value) {
    X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(value.c_str()), -1, -1, 0);
  };
  add("O", "Heim");
  if (!common_name.empty()) add("CN", common_name);
}

}  // namespace

Identity make_identity(const std::string& dir, const std::string& name,
                       const CertificateSpec& spec) {
  static long serial = 1;
  Identity made;
  made.key.reset(
      spec.ed25519 ? EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519") : EVP_EC_gen("P-256"),
      EVP_PKEY_free);
  made.certificate.reset(X509_new(), X509_free);
  X509* certificate = made.certificate.get();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate), spec.expired ? -200'000 : -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), spec.expired ? -100'000 : 86'400);
  X509_set_pubkey(certificate, made.key.get());
  add_name(certificate, spec.common_name);
  const Identity& issuer = spec.issuer ? *spec.issuer : made;
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer.certificate.get()));
  add_extension(certificate, issuer.certificate.get(), NID_basic_constraints,
                spec.issuer ? "CA:FALSE" : "critical,CA:TRUE");
  if (!spec.alt_names.empty()) {
    add_extension(certificate, issuer.certificate.get(), NID_subject_alt_name,
                  spec.alt_names.c_str());
  }
  EVP_PKEY* signer = issuer.key.get();
  const bool own_digest = EVP_PKEY_is_a(signer, "ED25519") == 1;
  REQUIRE(X509_sign(certificate, signer, own_digest ? nullptr : EVP_get_digestbyname(spec.digest)) >
          0);
  made.cert_file = dir + '/' + name + ".crt";
  made.key_file = dir + '/' + name + ".key";
  REQUIRE(PEM_write_X509(create(made.cert_file).get(), certificate) == 1);
  REQUIRE(PEM_write_PrivateKey(create(made.key_file).get(), made.key.get(), nullptr, nullptr, 0,
                               nullptr, nullptr) == 1);
  return made;
}

std::string certificate_digest(const Identity& identity, const char* digest) {
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  REQUIRE(X509_digest(identity.certificate.get(), EVP_get_digestbyname(digest), hash, &size) == 1);
  return {reinterpret_cast<const char*>(hash), size};
}

std::string write_encrypted_key(const Identity& identity, const std::string& dir) {
  const std::string path = dir + "/encrypted.key";
  static const unsigned char phrase[] = "phrase";
  REQUIRE(PEM_write_PrivateKey(create(path).get(), identity.key.get(), EVP_aes_256_cbc(), phrase, 6,
                               nullptr, nullptr) == 1);
  return path;
}

}  // namespace heim::io::test
