// What servers may ask of us, and when we stop trusting them.
#include "auth/server_login.hpp"

#include <doctest/doctest.h>

#include "auth/md5.hpp"
#include "conversation.hpp"

using namespace heim;
using namespace heim::auth;
using namespace heim::auth::test;
using namespace std::string_literals;

namespace {

FixedRandom fixed(8);

ServerLogin make(Credentials credentials, bool tls = false) {
  auto input = applicant_input(std::move(credentials));
  input.is_tls = tls;
  if (tls) input.endpoint_hash = "hash";
  return {std::move(input), fixed};
}

Step first(Credentials credentials, const std::string& message, bool tls = false) {
  return make(std::move(credentials), tls).on_authentication(as_bytes(message));
}

Credentials some_keys() { return Credentials::scram(ScramKeys::derive("sesame", "salt", 1)); }

const std::string offer = "SCRAM-SHA-256\0\0"s;
const std::string offer_both = "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"s;

}  // namespace

TEST_CASE("a server that asks nothing is believed") {
  CHECK(first({}, authentication(0)).progress == Progress::ok);
}

TEST_CASE("cleartext is answered with the password and its zero") {
  const Step step = first(Credentials::plain("sesame"), authentication(3));
  CHECK(step.progress == Progress::more);
  CHECK(body(step.bytes, 'p') == "sesame\0"s);
}

TEST_CASE("cleartext can be forbidden") {
  auto input = applicant_input(Credentials::plain("sesame"));
  input.allow_cleartext = false;
  ServerLogin login(std::move(input), fixed);
  const Step step = login.on_authentication(as_bytes(authentication(3)));
  CHECK(step.progress == Progress::failed);
  CHECK(step.bytes.empty());
}

TEST_CASE("md5 is answered as PostgreSQL computes it") {
  const std::string stored(md5_stored("sesame", "alice").view());
  const std::string expected = "md5" + crypto::md5_hex(crypto::md5_hex("sesamealice") + "salt");
  CHECK(stored == "md5" + crypto::md5_hex("sesamealice"));
  for (const Credentials& credentials : {Credentials::plain("sesame"), Credentials::md5(stored)}) {
    const Step step = first(credentials, authentication(5, "salt"));
    CHECK(body(step.bytes, 'p') == expected + '\0');
  }
  CHECK(first(Credentials::plain("x"), authentication(5, "sal")).progress == Progress::failed);
  CHECK(first(Credentials::plain("x"), authentication(5, "salt!")).progress == Progress::failed);
}

TEST_CASE("asked for what we do not hold, the error names user, method, holding and remedy") {
  struct Case {
    Credentials credentials;
    std::string message;
    std::string_view method, held;
  };
  const Case cases[] = {
      {{}, authentication(3), "password (cleartext)", "no secret"},
      {{}, authentication(5, "salt"), "md5", "no secret"},
      {{}, authentication(10, offer), "scram-sha-256", "no secret"},
      {Credentials::md5("md5x"), authentication(3), "password (cleartext)", "an md5 hash"},
      {Credentials::md5("md5x"), authentication(10, offer), "scram-sha-256", "an md5 hash"},
      {some_keys(), authentication(3), "password (cleartext)", "SCRAM keys"},
      {some_keys(), authentication(5, "salt"), "md5", "SCRAM keys"},
  };
  for (const Case& c : cases) {
    const Step step = first(c.credentials, c.message);
    CHECK(step.progress == Progress::failed);
    CHECK(step.bytes.empty());
    REQUIRE(step.error);
    CAPTURE(step.error->message);
    CHECK(step.error->sqlstate == "28000");
    CHECK(step.error->message.find("\"alice\"") != std::string::npos);
    CHECK(step.error->message.find(c.method) != std::string::npos);
    CHECK(step.error->message.find(c.held) != std::string::npos);
    CHECK_FALSE(step.error->hint.empty());
  }
}

TEST_CASE("methods that are not supported are refused by name") {
  const std::pair<std::uint32_t, std::string_view> cases[] = {
      {2, "Kerberos V5"}, {6, "SCM credentials"}, {7, "GSSAPI"}, {9, "SSPI"}, {4711, "4711"}};
  for (const auto& [code, word] : cases) {
    const Step step = first(Credentials::plain("sesame"), authentication(code));
    CHECK(step.progress == Progress::failed);
    REQUIRE(step.error);
    CHECK(step.error->message.find(word) != std::string::npos);
  }
  const Step step = first(Credentials::plain("s"), authentication(10, "OAUTHBEARER\0\0"s));
  REQUIRE(step.error);
  CHECK(step.error->message.find("OAUTHBEARER") != std::string::npos);
}

TEST_CASE("malformed requests are refused") {
  for (const std::string& bad :
       {""s, "\0\0\0"s, authentication(10), authentication(10, "SCRAM-SHA-256"),
        authentication(10, "SCRAM-SHA-256\0"s), authentication(10, offer + "x"),
        authentication(10, "\0"s), authentication(11, "r=x"), authentication(12, "v=x")}) {
    CHECK(first(Credentials::plain("sesame"), bad).progress == Progress::failed);
  }
}

TEST_CASE("which mechanism and flag are chosen") {
  const auto chosen = [](const std::string& names, bool tls) {
    const std::string text =
        body(first(Credentials::plain("s"), authentication(10, names), tls).bytes, 'p');
    const std::string mechanism = text.c_str();
    return mechanism + " " +
           text.substr(mechanism.size() + 5, text.find(",,") - mechanism.size() - 5);
  };
  CHECK(chosen(offer, false) == "SCRAM-SHA-256 n");
  CHECK(chosen(offer, true) == "SCRAM-SHA-256 y");
  CHECK(chosen(offer_both, true) == "SCRAM-SHA-256-PLUS p=tls-server-end-point");
  CHECK(first(Credentials::plain("s"), authentication(10, offer_both), false).progress ==
        Progress::failed);
}

TEST_CASE("TLS without a hash to bind to uses plain SCRAM") {
  auto input = applicant_input(Credentials::plain("sesame"));
  input.is_tls = true;
  ServerLogin login(std::move(input), fixed);
  const Step step = login.on_authentication(as_bytes(authentication(10, offer_both)));
  CHECK(body(step.bytes, 'p').find("n,,n=,r=") != std::string::npos);
}

TEST_CASE("a server may not skip its proof") {
  ServerLogin login = make(Credentials::plain("sesame"));
  (void)login.on_authentication(as_bytes(authentication(10, offer)));
  const Step early = login.on_authentication(as_bytes(authentication(0)));
  CHECK(early.progress == Progress::failed);
  REQUIRE(early.error);
  CHECK(early.error->message.find("without proving") != std::string::npos);
  CHECK(login.on_authentication(as_bytes(authentication(0))).progress == Progress::failed);
}

TEST_CASE("a server that does not know the secret is found out, and gets no second chance") {
  ServerLogin login = make(Credentials::plain("sesame"));
  const Step asked = login.on_authentication(as_bytes(authentication(10, offer)));
  const std::string text = body(asked.bytes, 'p');
  const std::string nonce = text.substr(text.find("r=") + 2);
  const Step proof =
      login.on_authentication(as_bytes(authentication(11, "r=" + nonce + "more,s=c2FsdA==,i=1")));
  REQUIRE(proof.progress == Progress::more);
  SUBCASE("it leaves the signature out") {
    CHECK(login.on_authentication(as_bytes(authentication(0))).progress == Progress::failed);
  }
  const Step skipped = login.on_authentication(
      as_bytes(authentication(12, "v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")));
  CHECK(skipped.progress == Progress::failed);
  CHECK(login.on_authentication(as_bytes(authentication(0))).progress == Progress::failed);
}

TEST_CASE("what we refused cannot end well") {
  ServerLogin login = make({});
  CHECK(login.on_authentication(as_bytes(authentication(3))).progress == Progress::failed);
  CHECK(login.on_authentication(as_bytes(authentication(0))).progress == Progress::failed);
}

TEST_CASE("a server may not ask twice") {
  ServerLogin login = make(Credentials::plain("sesame"));
  CHECK(login.on_authentication(as_bytes(authentication(5, "salt"))).progress == Progress::more);
  const Step second = login.on_authentication(as_bytes(authentication(3)));
  CHECK(second.progress == Progress::failed);
  CHECK(second.bytes.empty());
}

TEST_CASE("a server cannot make us compute for minutes") {
  ServerLogin login = make(Credentials::plain("sesame"));
  const std::string text =
      body(login.on_authentication(as_bytes(authentication(10, offer))).bytes, 'p');
  const std::string nonce = text.substr(text.find("r=") + 2);
  const Step step = login.on_authentication(
      as_bytes(authentication(11, "r=" + nonce + "x,s=c2FsdA==,i=2000000000")));
  CHECK(step.progress == Progress::failed);
  CHECK(login.rounds() == 0);
}
