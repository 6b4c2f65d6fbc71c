#include "io/certificate.hpp"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

namespace heim::io {
namespace {

const EVP_MD* binding_digest(const X509& certificate) {
  int digest = NID_undef;
  if (X509_get_signature_info(const_cast<X509*>(&certificate), &digest, nullptr, nullptr,
                              nullptr) != 1) {
    return nullptr;
  }
  if (digest == NID_md5 || digest == NID_sha1) return EVP_sha256();
  return digest == NID_undef ? nullptr : EVP_get_digestbynid(digest);
}

bool has_ip_names(X509& certificate) {
  void* extension = X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr);
  std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> names(
      static_cast<GENERAL_NAMES*>(extension), GENERAL_NAMES_free);
  const int count = names ? sk_GENERAL_NAME_num(names.get()) : 0;
  for (int i = 0; i < count; ++i) {
    if (sk_GENERAL_NAME_value(names.get(), i)->type == GEN_IPADD) return true;
  }
  return false;
}

}  // namespace

std::string endpoint_hash_of(X509& certificate) {
  const EVP_MD* digest = binding_digest(certificate);
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (!digest || X509_digest(&certificate, digest, hash, &size) != 1) return {};
  return {reinterpret_cast<const char*>(hash), size};
}

std::string common_name_of(X509& certificate) {
  X509_NAME* subject = X509_get_subject_name(&certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return {};
  unsigned char* text = nullptr;
  const int size =
      ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (size < 0) return {};
  std::string name(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
  OPENSSL_free(text);
  return name.find('\0') == std::string::npos ? name : std::string();
}

std::string distinguished_name_of(X509& certificate) {
  std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), BIO_free);
  if (!memory) return {};
  X509_NAME_print_ex(memory.get(), X509_get_subject_name(&certificate), 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &text);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

bool certificate_matches_host(X509& certificate, const std::string& host) {
  unsigned flags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;
  if (is_ip_address(host)) {
    if (X509_check_ip_asc(&certificate, host.c_str(), 0) == 1) return true;
    flags |= has_ip_names(certificate) ? X509_CHECK_FLAG_NEVER_CHECK_SUBJECT
                                       : X509_CHECK_FLAG_ALWAYS_CHECK_SUBJECT;
  }
  return X509_check_host(&certificate, host.data(), host.size(), flags, nullptr) == 1;
}

bool is_ip_address(const std::string& host) {
  unsigned char address[16];
  return ::inet_pton(AF_INET, host.c_str(), address) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), address) == 1;
}

}  // namespace heim::io
