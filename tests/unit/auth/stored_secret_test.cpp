#include "auth/stored_secret.hpp"

#include <doctest/doctest.h>

#include "auth/credentials.hpp"
#include "auth/md5.hpp"
#include "conversation.hpp"

using namespace heim::auth;

namespace {

// RFC 7677's user ("pencil"), in the form PostgreSQL stores.
const std::string verifier =
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
    "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

}  // namespace

TEST_CASE("a verifier is read, derived and written the same") {
  const auto read = ScramVerifier::parse(verifier);
  REQUIRE(read);
  CHECK(read->iterations == 4096);
  CHECK(read->to_string() == verifier);
  CHECK(ScramVerifier::derive("pencil", read->salt, 4096).to_string() == verifier);
}

TEST_CASE("the form of a secret tells its kind") {
  const std::pair<std::string, SecretKind> cases[] = {
      {"", SecretKind::none},
      {"sesame", SecretKind::plain},
      {verifier, SecretKind::scram},
      {"md5" + std::string(32, 'a'), SecretKind::md5},
      {"md5" + std::string(31, 'a'), SecretKind::plain},
      {"md5" + std::string(33, 'a'), SecretKind::plain},
      {"md5" + std::string(32, 'A'), SecretKind::plain},
      {"MD5" + std::string(32, 'a'), SecretKind::plain},
      {"md5" + std::string(31, 'a') + "g", SecretKind::plain},
      {"SCRAM-SHA-256$", SecretKind::plain},
  };
  for (const auto& c : cases) {
    CAPTURE(c.first);
    const StoredSecret secret = StoredSecret::parse(c.first);
    CHECK(secret.kind == c.second);
    CHECK(secret.scram.has_value() == (c.second == SecretKind::scram));
    if (c.second == SecretKind::plain) CHECK(secret.text.view() == c.first);
  }
}

TEST_CASE("a verifier that is cut short or bent is not one") {
  for (std::size_t size = 0; size < verifier.size(); ++size) {
    CHECK_FALSE(ScramVerifier::parse(verifier.substr(0, size)));
  }
  const auto with = [](std::string_view what, std::string_view by) {
    std::string text = verifier;
    return text.replace(text.find(what), what.size(), by);
  };
  CHECK_FALSE(ScramVerifier::parse(with("4096", "0")));
  CHECK_FALSE(ScramVerifier::parse(with("4096", "-1")));
  CHECK_FALSE(ScramVerifier::parse(with("4096", "+1")));
  CHECK_FALSE(ScramVerifier::parse(with("4096", "")));
  CHECK_FALSE(ScramVerifier::parse(with("4096", "1000001")));
  CHECK_FALSE(ScramVerifier::parse(with("4096", "99999999999")));
  CHECK_FALSE(ScramVerifier::parse(with("W22ZaJ0SNY7soEsUEjb6gQ==", "")));
  CHECK_FALSE(ScramVerifier::parse(with("W22Z", "W2 Z")));
  CHECK_FALSE(ScramVerifier::parse(verifier + "x"));
  CHECK_FALSE(ScramVerifier::parse(verifier + ":"));
  CHECK(ScramVerifier::parse(with("4096", "1000000")));
}

TEST_CASE("a secret expires at its instant, not before") {
  StoredSecret secret = StoredSecret::parse("sesame");
  const WallTime now = WallTime() + std::chrono::hours(1);
  CHECK_FALSE(secret.expired(now));
  secret.valid_until = now;
  CHECK(secret.expired(now));
  CHECK_FALSE(secret.expired(now - std::chrono::nanoseconds(1)));
}

TEST_CASE("what a stored secret opens by itself") {
  CHECK(Credentials::stored(StoredSecret::parse("sesame")).kind == CredentialKind::plain);
  CHECK(Credentials::stored(StoredSecret::parse(md5_stored("a", "b").view())).kind ==
        CredentialKind::md5);
  CHECK(Credentials::stored(StoredSecret::parse(verifier)).kind == CredentialKind::none);
  CHECK(Credentials::stored({}).kind == CredentialKind::none);
}
