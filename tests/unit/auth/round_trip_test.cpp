// Both roles against each other: every method, right and wrong, and credentials handed on.
#include <doctest/doctest.h>

#include "auth/md5.hpp"
#include "conversation.hpp"

using namespace heim;
using namespace heim::auth;
using namespace heim::auth::test;

namespace {

struct Talk {
  Talk(ClientLoginInput judge_input, ServerLoginInput applicant_input)
      : judge(std::move(judge_input), judge_random),
        applicant(std::move(applicant_input), applicant_random),
        outcome(converse(judge, applicant)) {}
  FixedRandom judge_random{3}, applicant_random{4};
  ClientLogin judge;
  ServerLogin applicant;
  Outcome outcome;
};

const std::string endpoint(32, '\x5a');

/// Both ends of one TLS connection that can bind.
void bind(ClientLoginInput& judge, ServerLoginInput& applicant) {
  judge.is_tls = applicant.is_tls = true;
  judge.endpoint_hash = applicant.endpoint_hash = endpoint;
}

}  // namespace

TEST_CASE("a right password passes and a wrong one fails, in every method and stored form") {
  struct Case {
    Method method;
    std::string stored;
    std::size_t responses;
  };
  const std::string hash(md5_stored("sesame", "alice").view());
  const Case cases[] = {
      {Method::password, "sesame", 1},
      {Method::password, hash, 1},
      {Method::password, verifier_text("sesame"), 1},
      {Method::md5, "sesame", 1},
      {Method::md5, hash, 1},
      {Method::scram_sha_256, "sesame", 2},
      {Method::scram_sha_256, verifier_text("sesame"), 2},
  };
  for (const Case& c : cases) {
    CAPTURE(name(c.method));
    CAPTURE(c.stored);
    Talk right(login_input(c.method, c.stored), applicant_input(Credentials::plain("sesame")));
    CHECK(right.outcome.client == Progress::ok);
    CHECK(right.outcome.server == Progress::ok);
    CHECK(right.outcome.to_server.size() == c.responses);
    Talk wrong(login_input(c.method, c.stored), applicant_input(Credentials::plain("sesamE")));
    CHECK(wrong.outcome.client == Progress::failed);
    CHECK_FALSE(wrong.outcome.client_error);
    CHECK(wrong.outcome.to_server.size() == c.responses);
    CHECK(wrong.judge.recovered().kind == CredentialKind::none);
  }
}

TEST_CASE("trust asks nothing") {
  Talk talk(login_input(Method::trust, ""), applicant_input({}));
  CHECK(talk.outcome.client == Progress::ok);
  CHECK(talk.outcome.server == Progress::ok);
  CHECK(talk.outcome.to_client.empty());
  CHECK(talk.judge.recovered().kind == CredentialKind::none);
  Talk known(login_input(Method::trust, "sesame"), applicant_input({}));
  CHECK(known.judge.recovered().text.view() == "sesame");
}

TEST_CASE("channel binding is used where both ends can") {
  auto judge = login_input(Method::scram_sha_256, verifier_text("sesame"));
  auto applicant = applicant_input(Credentials::plain("sesame"));
  bind(judge, applicant);
  Talk talk(judge, applicant);
  CHECK(talk.outcome.client == Progress::ok);
  CHECK(talk.outcome.server == Progress::ok);
  CHECK(talk.outcome.to_server[0].starts_with(std::string("SCRAM-SHA-256-PLUS\0", 19)));
  CHECK(talk.outcome.to_server[0].find("p=tls-server-end-point,,n=,r=") != std::string::npos);
}

TEST_CASE("channel binding finds a certificate in the middle") {
  auto judge = login_input(Method::scram_sha_256, verifier_text("sesame"));
  auto applicant = applicant_input(Credentials::plain("sesame"));
  bind(judge, applicant);
  applicant.endpoint_hash = std::string(32, '\x11');
  Talk talk(judge, applicant);
  CHECK(talk.outcome.client == Progress::failed);
  REQUIRE(talk.outcome.client_error);
  CHECK(talk.outcome.client_error->sqlstate == "28000");
  CHECK(talk.outcome.client_error->message == "SCRAM channel binding check failed");
}

TEST_CASE("a client that could bind but saw no offer says so, and passes if none was made") {
  auto judge = login_input(Method::scram_sha_256, verifier_text("sesame"));
  auto applicant = applicant_input(Credentials::plain("sesame"));
  bind(judge, applicant);
  judge.endpoint_hash.clear();
  Talk talk(judge, applicant);
  CHECK(talk.outcome.client == Progress::ok);
  CHECK(talk.outcome.to_server[0].find("y,,n=,r=") != std::string::npos);
}

TEST_CASE("the key recovered from a client's proof opens the server, with and without binding") {
  const std::string verifier = verifier_text("sesame", 11);
  for (const bool binding : {false, true}) {
    CAPTURE(binding);
    Talk client(login_input(Method::scram_sha_256, verifier),
                applicant_input(Credentials::plain("sesame")));
    REQUIRE(client.outcome.client == Progress::ok);
    Credentials recovered = client.judge.recovered();
    REQUIRE(recovered.kind == CredentialKind::scram);
    CHECK(recovered.text.empty());
    CHECK(recovered.keys->iterations == 11);
    CHECK(recovered.keys->salt == "0123456789abcdef");

    auto judge = login_input(Method::scram_sha_256, verifier);
    auto applicant = applicant_input(recovered);
    if (binding) bind(judge, applicant);
    Talk server(judge, applicant);
    CHECK(server.outcome.client == Progress::ok);
    CHECK(server.outcome.server == Progress::ok);
    CHECK(server.applicant.rounds() == 0);
  }
}

TEST_CASE("recovered keys are refused by name where the server's verifier differs") {
  Talk client(login_input(Method::scram_sha_256, verifier_text("sesame", 11)),
              applicant_input(Credentials::plain("sesame")));
  const Credentials recovered = client.judge.recovered();
  Talk server(login_input(Method::scram_sha_256, verifier_text("sesame", 12)),
              applicant_input(recovered));
  CHECK(server.outcome.server == Progress::failed);
  REQUIRE(server.outcome.server_error);
  CHECK(server.outcome.server_error->message.find("\"alice\"") != std::string::npos);
  CHECK(server.outcome.server_error->message.find("another salt or iteration count") !=
        std::string::npos);
}

TEST_CASE("what each method reveals") {
  const std::string hash(md5_stored("sesame", "alice").view());
  const auto recover = [](Method method, std::string_view stored) {
    Talk talk(login_input(method, stored), applicant_input(Credentials::plain("sesame")));
    REQUIRE(talk.outcome.client == Progress::ok);
    return talk.judge.recovered();
  };
  CHECK(recover(Method::password, verifier_text("sesame")).text.view() == "sesame");
  CHECK(recover(Method::password, hash).text.view() == "sesame");
  CHECK(recover(Method::md5, hash).kind == CredentialKind::md5);
  CHECK(recover(Method::md5, hash).text.view() == hash);
  CHECK(recover(Method::md5, "sesame").text.view() == "sesame");
  CHECK(recover(Method::scram_sha_256, "sesame").kind == CredentialKind::plain);
}

TEST_CASE("an md5 hash opens a server that asks for md5") {
  const std::string hash(md5_stored("sesame", "alice").view());
  Talk talk(login_input(Method::md5, hash), applicant_input(Credentials::md5(hash)));
  CHECK(talk.outcome.client == Progress::ok);
  CHECK(talk.outcome.server == Progress::ok);
}

TEST_CASE("keys derived for a server are kept, so that the next login costs nothing") {
  const std::string verifier = verifier_text("sesame", 50);
  Talk first(login_input(Method::scram_sha_256, verifier),
             applicant_input(Credentials::plain("sesame")));
  CHECK(first.applicant.rounds() == 50);
  Talk second(login_input(Method::scram_sha_256, verifier),
              applicant_input(first.applicant.take_credentials()));
  CHECK(second.outcome.client == Progress::ok);
  CHECK(second.applicant.rounds() == 0);
  // A changed salt is noticed, and derived again.
  Talk third(login_input(Method::scram_sha_256, verifier_text("sesame", 60)),
             applicant_input(second.applicant.take_credentials()));
  CHECK(third.outcome.client == Progress::ok);
  CHECK(third.applicant.rounds() == 60);
}

TEST_CASE("a derived verifier is reused") {
  auto input = login_input(Method::scram_sha_256, "sesame");
  Talk first(input, applicant_input(Credentials::plain("sesame")));
  CHECK(first.judge.rounds() == default_iterations);
  REQUIRE(first.judge.derived());
  input.derived = first.judge.derived();
  Talk second(input, applicant_input(Credentials::plain("sesame")));
  CHECK(second.outcome.client == Progress::ok);
  CHECK(second.judge.rounds() == 0);
  CHECK(second.judge.recovered().kind == CredentialKind::plain);
}
