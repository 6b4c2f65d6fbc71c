// The client's messages as PostgreSQL frames them: what is asked, and what is refused.
#include "auth/client_login.hpp"

#include <doctest/doctest.h>

#include "conversation.hpp"

using namespace heim;
using namespace heim::auth;
using namespace heim::auth::test;
using namespace std::string_literals;

namespace {

ClientLogin make(Method method, std::string_view secret, bool plus = false) {
  static FixedRandom random(9);
  auto input = login_input(method, secret);
  input.is_tls = plus;
  if (plus) input.endpoint_hash = "hash";
  return {std::move(input), random};
}

/// The error of the first answer to this body.
std::optional<Error> refusal(Method method, const std::string& response, bool plus = false) {
  ClientLogin login = make(method, verifier_text("sesame"), plus);
  (void)login.start();
  const Step step = login.on_password(as_bytes(response));
  CHECK(step.progress == Progress::failed);
  CHECK(step.bytes.empty());
  return step.error;
}

}  // namespace

TEST_CASE("what each method asks for first") {
  const auto asked = [](Method method, bool plus) {
    return body(make(method, "sesame", plus).start().bytes, 'R');
  };
  CHECK(asked(Method::password, false) == "\0\0\0\3"s);
  CHECK(asked(Method::md5, false).substr(0, 4) == "\0\0\0\5"s);
  CHECK(asked(Method::md5, false).size() == 8);
  CHECK(asked(Method::scram_sha_256, false) == "\0\0\0\12SCRAM-SHA-256\0\0"s);
  CHECK(asked(Method::scram_sha_256, true) == "\0\0\0\12SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"s);
}

TEST_CASE("two md5 challenges have different salts") {
  CHECK(make(Method::md5, "a").start().bytes != make(Method::md5, "a").start().bytes);
}

TEST_CASE("methods that are no login are a bug of the caller") {
  FixedRandom random;
  for (const Method method : {Method::reject, Method::cert, Method::peer, Method::relay}) {
    CHECK_THROWS_AS(ClientLogin(login_input(method, ""), random), std::logic_error);
  }
}

TEST_CASE("a password message must be one zero-terminated string") {
  for (const Method method : {Method::password, Method::md5}) {
    for (const std::string& bad : {""s, "sesame"s, "sesame\0x"s, "sesame\0\0"s}) {
      const auto error = refusal(method, bad);
      REQUIRE(error);
      CHECK(error->sqlstate == "08P01");
      CHECK(error->message == "invalid password packet size");
    }
  }
}

TEST_CASE("an empty password fails, even if it is the stored one") {
  ClientLogin login = make(Method::password, verifier_text(""));
  (void)login.start();
  const Step step = login.on_password(as_bytes("\0"s));
  CHECK(step.progress == Progress::failed);
  CHECK_FALSE(step.error);
}

TEST_CASE("SASLInitialResponse messages that break a rule") {
  const std::string good = initial("SCRAM-SHA-256", "n,,n=,r=abc");
  for (std::size_t size = 0; size < good.size(); ++size) {
    CAPTURE(size);
    REQUIRE(refusal(Method::scram_sha_256, good.substr(0, size)));
  }
  REQUIRE(refusal(Method::scram_sha_256, good + "x"));
  REQUIRE(refusal(Method::scram_sha_256, "SCRAM-SHA-256\0\xff\xff\xff\xffx"s));
  for (const std::string_view mechanism : {"", "SCRAM-SHA-1", "scram-sha-256", "PLAIN"}) {
    const auto error = refusal(Method::scram_sha_256, initial(mechanism, "n,,n=,r=abc"));
    REQUIRE(error);
    CHECK(error->message == "client selected an invalid SASL authentication mechanism");
  }
}

TEST_CASE("SCRAM-SHA-256-PLUS cannot be chosen where it was not offered") {
  const auto response = initial("SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,n=,r=abc");
  const auto error = refusal(Method::scram_sha_256, response);
  REQUIRE(error);
  CHECK(error->message == "client selected an invalid SASL authentication mechanism");
}

TEST_CASE("a client that hides our offer of channel binding is refused") {
  const auto error = refusal(Method::scram_sha_256, initial("SCRAM-SHA-256", "y,,n=,r=abc"), true);
  REQUIRE(error);
  CHECK(error->sqlstate == "28000");
}

TEST_CASE("a client may leave its first message for the second packet") {
  ClientLogin login = make(Method::scram_sha_256, verifier_text("sesame"));
  (void)login.start();
  const Step empty = login.on_password(as_bytes("SCRAM-SHA-256\0\xff\xff\xff\xff"s));
  CHECK(empty.progress == Progress::more);
  CHECK(body(empty.bytes, 'R') == "\0\0\0\13"s);
  const Step first = login.on_password(as_bytes("n,,n=,r=abc"));
  CHECK(first.progress == Progress::more);
  CHECK(body(first.bytes, 'R').starts_with("\0\0\0\13r=abc"s));
}

TEST_CASE("a SASL message longer than PostgreSQL takes is refused") {
  const std::string nonce(1100, 'a');
  REQUIRE(refusal(Method::scram_sha_256, initial("SCRAM-SHA-256", "n,,n=,r=" + nonce)));
}

TEST_CASE("nothing is taken after the end") {
  ClientLogin login = make(Method::password, "sesame");
  (void)login.start();
  CHECK(login.on_password(as_bytes("wrong\0"s)).progress == Progress::failed);
  const Step again = login.on_password(as_bytes("sesame\0"s));
  CHECK(again.progress == Progress::failed);
  CHECK(login.recovered().kind == CredentialKind::none);
}

TEST_CASE("nothing is taken before the start") {
  ClientLogin login = make(Method::password, "sesame");
  CHECK(login.on_password(as_bytes("sesame\0"s)).progress == Progress::failed);
}
