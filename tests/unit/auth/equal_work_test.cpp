// What a login shows of a user who is not there: nothing. Counted in messages and PBKDF2 rounds,
// not by clock.
#include <doctest/doctest.h>

#include <map>

#include "auth/md5.hpp"
#include "conversation.hpp"

using namespace heim;
using namespace heim::auth;
using namespace heim::auth::test;

namespace {

/// All that an attacker can see or measure of one failed login.
struct Trace {
  std::vector<std::size_t> sizes;  // of the messages to the client
  std::vector<std::uint32_t> codes;
  std::uint64_t rounds = 0;
  bool failed = false, error = false;
  friend bool operator==(const Trace&, const Trace&) = default;
};

Trace attempt(const ClientLoginInput& input, std::string_view password) {
  FixedRandom random(5), other(6);
  ClientLogin judge(input, random);
  ServerLogin applicant(applicant_input(Credentials::plain(password)), other);
  const Outcome outcome = converse(judge, applicant);
  Trace trace;
  for (const std::string& message : outcome.to_client) {
    trace.sizes.push_back(message.size());
    trace.codes.push_back(load_be32(as_bytes(message).data()));
  }
  trace.rounds = judge.rounds();
  trace.failed = outcome.client == Progress::failed;
  trace.error = outcome.client_error.has_value();
  return trace;
}

const WallTime today = WallTime() + std::chrono::hours(24 * 20000);

}  // namespace

TEST_CASE("wrong password, unknown user and expired user look the same and cost the same") {
  const std::string hash(md5_stored("sesame", "alice").view());
  struct Case {
    Method method;
    std::string stored;
    std::uint64_t rounds;
  };
  const Case cases[] = {
      {Method::scram_sha_256, verifier_text("sesame", 20), 0},
      {Method::scram_sha_256, "sesame", default_iterations},
      {Method::password, verifier_text("sesame", 20), 20},
      {Method::password, "sesame", 0},
      {Method::password, hash, 0},
      {Method::md5, "sesame", 0},
      {Method::md5, hash, 0},
  };
  for (const Case& c : cases) {
    CAPTURE(name(c.method));
    CAPTURE(c.stored);
    auto known = login_input(c.method, c.stored);
    known.now = today;
    known.usual.kind = known.secret.kind;
    if (known.secret.scram) known.usual.iterations = known.secret.scram->iterations;
    const Trace wrong = attempt(known, "guess");
    CHECK(wrong.failed);
    CHECK_FALSE(wrong.error);
    CHECK(wrong.rounds == c.rounds);

    auto unknown = known;
    unknown.secret = {};
    CHECK(attempt(unknown, "guess") == wrong);
    CHECK(attempt(unknown, "") == wrong);

    auto expired = known;
    expired.secret.valid_until = today;
    CHECK(attempt(expired, "sesame") == wrong);
    expired.secret.valid_until = today + std::chrono::seconds(1);
    CHECK_FALSE(attempt(expired, "sesame").failed);
  }
}

TEST_CASE("a user whose md5 hash cannot do SCRAM looks unknown") {
  auto known = login_input(Method::scram_sha_256, md5_stored("sesame", "alice").view());
  auto unknown = known;
  unknown.secret = {};
  CHECK(attempt(known, "sesame").failed);
  CHECK(attempt(known, "sesame") == attempt(unknown, "sesame"));
}

TEST_CASE("where plain secrets come derived, unknown users cost no PBKDF2 either") {
  auto known = login_input(Method::scram_sha_256, "sesame");
  known.usual = {SecretKind::plain, default_iterations, default_salt_size, true};
  known.derived = ScramVerifier::derive(
      "sesame", steady_salt(process_key, "alice", default_salt_size), default_iterations);
  auto unknown = known;
  unknown.secret = {};
  unknown.derived.reset();
  const Trace wrong = attempt(known, "guess");
  CHECK(wrong.rounds == 0);
  CHECK(attempt(unknown, "guess") == wrong);
}

TEST_CASE("a feigned salt is steady, and differs between users and processes") {
  CHECK(steady_salt("key", "alice") == steady_salt("key", "alice"));
  CHECK(steady_salt("key", "alice") != steady_salt("key", "bob"));
  CHECK(steady_salt("key", "alice") != steady_salt("yek", "alice"));
  CHECK(steady_salt("key", "alice").size() == default_salt_size);
}

TEST_CASE(
    "an unknown user's salt does not change between logins, nor when a plain secret appears") {
  const auto salt_of = [](const ClientLoginInput& input, std::uint32_t seed) {
    FixedRandom random(seed);
    ClientLogin login(input, random);
    (void)login.start();
    const Step step = login.on_password(as_bytes(initial("SCRAM-SHA-256", "n,,n=,r=abcdefghijkl")));
    const std::string text = body(step.bytes, 'R');
    return text.substr(text.find(",s="));
  };
  const auto unknown = login_input(Method::scram_sha_256, "");
  const auto plain = login_input(Method::scram_sha_256, "sesame");
  CHECK(salt_of(unknown, 1) == salt_of(unknown, 2));
  CHECK(salt_of(unknown, 1) == salt_of(plain, 3));
}

TEST_CASE("nobody logs in as an unknown user, whatever is answered") {
  for (const Method method : {Method::password, Method::md5, Method::scram_sha_256}) {
    for (const SecretKind kind : {SecretKind::plain, SecretKind::md5, SecretKind::scram}) {
      for (const std::string_view guess : {"", "md5", "sesame", "alice"}) {
        auto input = login_input(method, "");
        input.usual.kind = kind;
        CHECK(attempt(input, guess).failed);
      }
    }
  }
}

TEST_CASE("an empty password opens no secret that a method cannot use") {
  // What stands in for a missing secret is made of nothing; knowing that must not help.
  const std::string hash(md5_stored("sesame", "alice").view());
  for (const SecretKind kind : {SecretKind::plain, SecretKind::md5, SecretKind::scram}) {
    auto scram = login_input(Method::scram_sha_256, hash);
    scram.usual.kind = kind;
    CHECK(attempt(scram, "").failed);
    CHECK(attempt(scram, process_key).failed);
    auto md5 = login_input(Method::md5, verifier_text("sesame"));
    md5.usual.kind = kind;
    CHECK(attempt(md5, "").failed);
  }
}
