#include "auth/method.hpp"

#include <doctest/doctest.h>

#include "auth/identity.hpp"

using namespace heim;
using namespace heim::auth;

TEST_CASE("every method has a word, and the word names it") {
  for (const Method method : {Method::reject, Method::trust, Method::password, Method::md5,
                              Method::scram_sha_256, Method::cert, Method::peer, Method::relay}) {
    CHECK(parse_method(name(method)) == method);
  }
  CHECK(name(Method::scram_sha_256) == "scram-sha-256");
  CHECK_FALSE(parse_method("ldap"));
  CHECK_FALSE(parse_method(""));
  CHECK_FALSE(parse_method("MD5"));
}

TEST_CASE("configured types are methods, except hba") {
  CHECK(method_of(config::AuthType::relay) == Method::relay);
  CHECK(method_of(config::AuthType::trust) == Method::trust);
  CHECK(method_of(config::AuthType::password) == Method::password);
  CHECK(method_of(config::AuthType::md5) == Method::md5);
  CHECK(method_of(config::AuthType::scram_sha_256) == Method::scram_sha_256);
  CHECK(method_of(config::AuthType::cert) == Method::cert);
  CHECK_FALSE(method_of(config::AuthType::hba));
}

TEST_CASE("md5 becomes SCRAM where a verifier is stored, and unknown users follow the usual") {
  CHECK(choose_method(Method::md5, SecretKind::scram, false) == Method::scram_sha_256);
  CHECK(choose_method(Method::md5, SecretKind::md5, false) == Method::md5);
  CHECK(choose_method(Method::md5, SecretKind::plain, false) == Method::md5);
  CHECK(choose_method(Method::md5, SecretKind::none, false, SecretKind::md5) == Method::md5);
  CHECK(choose_method(Method::md5, SecretKind::none, false, SecretKind::plain) == Method::md5);
  CHECK(choose_method(Method::md5, SecretKind::none, false, SecretKind::scram) ==
        Method::scram_sha_256);
}

TEST_CASE("SCRAM stays SCRAM, and a password needs a private channel") {
  for (const SecretKind kind :
       {SecretKind::none, SecretKind::plain, SecretKind::md5, SecretKind::scram}) {
    CHECK(choose_method(Method::scram_sha_256, kind, false) == Method::scram_sha_256);
    CHECK(choose_method(Method::password, kind, false) == Method::reject);
    CHECK(choose_method(Method::password, kind, true) == Method::password);
    CHECK(choose_method(Method::trust, kind, false) == Method::trust);
  }
}

TEST_CASE("a certificate or a socket's peer must name the user, and absence names nobody") {
  TlsInfo tls;
  CHECK_FALSE(certificate_names(tls, ""));
  CHECK_FALSE(certificate_names(tls, "alice"));
  tls.peer_common_name = "alice";
  CHECK(certificate_names(tls, "alice"));
  CHECK_FALSE(certificate_names(tls, "Alice"));
  CHECK_FALSE(certificate_names(tls, "alic"));
  CHECK(peer_is("alice", "alice"));
  CHECK_FALSE(peer_is("", ""));
  CHECK_FALSE(peer_is("alice", "bob"));
}
