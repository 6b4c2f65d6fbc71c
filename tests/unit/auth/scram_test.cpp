// The exchange without PostgreSQL's framing: published vectors, and every way to spoil a message.
#include "auth/scram.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "auth/scram_client.hpp"
#include "auth/scram_server.hpp"
#include "crypto/base64.hpp"

using namespace heim;
using namespace heim::auth;

namespace {

// RFC 7677, section 3.
const std::string rfc_client_first = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const std::string rfc_server_nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const std::string rfc_salt = *crypto::base64_decode("W22ZaJ0SNY7soEsUEjb6gQ==");
const std::string rfc_server_first =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const std::string rfc_client_final =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const std::string rfc_server_final = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

scram::Server fresh_server() { return scram::Server(rfc_server_nonce, {}); }

const ScramVerifier& rfc_verifier() {
  static const ScramVerifier verifier = ScramVerifier::derive("pencil", rfc_salt, 4096);
  return verifier;
}

/// Server with the first message already exchanged.
scram::Server ready_server() {
  scram::Server server = fresh_server();
  REQUIRE(server.first(rfc_client_first, rfc_salt, 4096));
  return server;
}

}  // namespace

TEST_CASE("the server's side of RFC 7677") {
  scram::Server server = fresh_server();
  const auto first = server.first(rfc_client_first, rfc_salt, 4096);
  REQUIRE(first);
  CHECK(*first == rfc_server_first);
  REQUIRE(server.final(rfc_client_final));
  CHECK(server.verify(rfc_verifier()));
  CHECK(server.server_final(rfc_verifier()) == rfc_server_final);
  const ScramKeys keys = ScramKeys::derive("pencil", rfc_salt, 4096);
  CHECK(server.client_key().view() == keys.client_key.view());
  CHECK_FALSE(server.verify(ScramVerifier::derive("pencils", rfc_salt, 2)));
}

TEST_CASE("both sides agree, and the client knows the server by its signature") {
  const ScramKeys keys = ScramKeys::derive("pencil", rfc_salt, 9);
  const ScramVerifier verifier = ScramVerifier::derive("pencil", rfc_salt, 9);
  scram::Client client("fyko+d2lbbFgONRv9qkxdawL", "n,,", "");
  scram::Server server("3rfcNHYJY1ZVvWVs7j", {});
  const auto challenge = client.read_first(*server.first(client.first(), rfc_salt, 9));
  REQUIRE(challenge);
  CHECK(challenge->salt == rfc_salt);
  CHECK(challenge->iterations == 9);
  REQUIRE(server.final(client.final(keys)));
  CHECK(server.verify(verifier));
  CHECK(client.read_final(server.server_final(verifier), keys));
  ScramVerifier impostor = verifier;
  impostor.server_key = crypto::Key(crypto::sha256("guess"));
  const auto refused = client.read_final(server.server_final(impostor), keys);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message == "incorrect SCRAM server signature");
}

TEST_CASE("a truncated client-first-message is refused at every length") {
  for (std::size_t size = 0; size < rfc_client_first.size(); ++size) {
    scram::Server server = fresh_server();
    CAPTURE(rfc_client_first.substr(0, size));
    const bool accepted = bool(server.first(rfc_client_first.substr(0, size), rfc_salt, 4096));
    // A shorter nonce is a nonce: it is bound by the proof, not by its length.
    CHECK(accepted == (size > rfc_client_first.find("r=") + 2));
  }
}

TEST_CASE("client-first-messages that break a rule") {
  struct Case {
    std::string_view message, sqlstate, detail;
  };
  const Case cases[] = {
      {"", "08P01", "The message is empty."},
      {"x,,n=,r=abc", "08P01", "Unexpected channel-binding flag."},
      {"n", "08P01", "Comma expected after the channel-binding flag."},
      {"n=,n=,r=abc", "08P01", "Comma expected after the channel-binding flag."},
      {"n,a=bob,n=,r=abc", "0A000", ""},
      {"n,b=bob,n=,r=abc", "08P01", "Unexpected attribute in client-first-message."},
      {"n,,m=x,n=,r=abc", "0A000", ""},
      {"n,,r=abc", "08P01", "Attribute \"n\" expected."},
      {"n,,n=", "08P01", "Attribute \"r\" expected."},
      {"n,,n=,r=", "08P01", ""},
      {"n,,n=,r=a\x7f", "08P01", ""},
      {"n,,n=,r=a b", "08P01", ""},
      {"n,,n=,r=\xc3\xa4", "08P01", ""},
      {"n,,n=,r=abc,nonsense", "08P01", "Attribute expected."},
      {"n,,n=,r=abc,1=x", "08P01", "Attribute expected."},
      {std::string_view("n,,n=,r=abc\0", 12), "08P01",
       "Message length does not match input length."},
      {"p=tls-server-end-point,,n=,r=abc", "08P01", ""},
      {"p", "08P01", "A channel-binding type was expected."},
      {"p=", "08P01", "Comma expected after the channel-binding flag."},
  };
  for (const Case& c : cases) {
    CAPTURE(c.message);
    scram::Server server = fresh_server();
    const auto answer = server.first(c.message, rfc_salt, 4096);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().sqlstate == c.sqlstate);
    if (!c.detail.empty()) CHECK(answer.error().detail == c.detail);
  }
}

TEST_CASE("extensions after the nonce are ignored, as PostgreSQL does") {
  scram::Server server = fresh_server();
  CHECK(server.first("n,,n=,r=abc,x=y,z=", rfc_salt, 4096));
}

TEST_CASE("the channel-binding flag must fit the mechanism and the offer") {
  const auto attempt = [](scram::Server::Binding binding, std::string_view message) {
    return scram::Server("nonce", std::move(binding)).first(message, "salt", 1);
  };
  const scram::Server::Binding plus{true, true, "hash"}, offered{true, false, "hash"}, none{};
  CHECK(attempt(plus, "p=tls-server-end-point,,n=,r=a"));
  CHECK(attempt(offered, "n,,n=,r=a"));
  CHECK(attempt(none, "n,,n=,r=a"));
  CHECK(attempt(none, "y,,n=,r=a"));
  CHECK(attempt(plus, "p=tls-unique,,n=,r=a").error().message ==
        "unsupported SCRAM channel-binding type");
  CHECK(attempt(plus, "n,,n=,r=a").error().sqlstate == "08P01");
  CHECK(attempt(plus, "y,,n=,r=a").error().sqlstate == "08P01");
  CHECK(attempt(offered, "p=tls-server-end-point,,n=,r=a").error().sqlstate == "08P01");
  const auto downgraded = attempt(offered, "y,,n=,r=a");
  REQUIRE_FALSE(downgraded);
  CHECK(downgraded.error().sqlstate == "28000");
  CHECK(downgraded.error().message == "SCRAM channel binding negotiation error");
}

TEST_CASE("a truncated client-final-message is refused at every length") {
  for (std::size_t size = 0; size < rfc_client_final.size(); ++size) {
    scram::Server server = ready_server();
    CHECK_FALSE(server.final(rfc_client_final.substr(0, size)));
  }
}

TEST_CASE("a client-final-message with any byte changed does not log in") {
  for (std::size_t at = 0; at < rfc_client_final.size(); ++at) {
    for (const char with : {'\0', ',', '=', 'A', '\xff'}) {
      std::string message = rfc_client_final;
      if (message[at] == with) continue;
      message[at] = with;
      scram::Server server = ready_server();
      CAPTURE(message);
      CHECK_FALSE((server.final(message) && server.verify(rfc_verifier())));
    }
  }
}

TEST_CASE("client-final-messages that break a rule") {
  const std::string nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
  const std::string proof = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
  struct Case {
    std::string message, detail;
  };
  const Case cases[] = {
      {"", "Attribute \"c\" expected."},
      {"r=" + nonce + ",p=" + proof, "Attribute \"c\" expected."},
      {"c=biws,p=" + proof, "Attribute \"r\" expected."},
      {"c=eSws,r=" + nonce + ",p=" + proof, ""},
      {"c=biws,r=" + nonce + "x,p=" + proof, "Nonce does not match."},
      {"c=biws,r=,p=" + proof, "Nonce does not match."},
      {"c=biws,r=" + nonce, "Attribute \"p\" expected."},
      {"c=biws,r=" + nonce + ",x=y", "Attribute \"p\" expected."},
      {"c=biws,r=" + nonce + ",p=", "Malformed proof in client-final-message."},
      {"c=biws,r=" + nonce + ",p=AAAA", "Malformed proof in client-final-message."},
      {"c=biws,r=" + nonce + ",p=" + proof + "=", "Malformed proof in client-final-message."},
      {"c=biws,r=" + nonce + ",p=" + proof + ",",
       "Garbage found at the end of client-final-message."},
      {"c=biws,r=" + nonce + ",p=" + proof + ",x=y",
       "Garbage found at the end of client-final-message."},
  };
  for (const Case& c : cases) {
    CAPTURE(c.message);
    scram::Server server = ready_server();
    const auto checked = server.final(c.message);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().sqlstate == "08P01");
    if (!c.detail.empty()) CHECK(checked.error().detail == c.detail);
  }
}

TEST_CASE("server-first-messages that break a rule") {
  const std::string_view cases[] = {
      "",
      "m=x,r=mineyours,s=c2FsdA==,i=1",
      "r=mineyours",
      "r=mine,s=c2FsdA==,i=1",
      "r=other,s=c2FsdA==,i=1",
      "r=yoursmine,s=c2FsdA==,i=1",
      "r=mine yours,s=c2FsdA==,i=1",
      "r=mineyours,s=,i=1",
      "r=mineyours,s=c2FsdA,i=1",
      "r=mineyours,i=1,s=c2FsdA==",
      "r=mineyours,s=c2FsdA==",
      "r=mineyours,s=c2FsdA==,i=",
      "r=mineyours,s=c2FsdA==,i=0",
      "r=mineyours,s=c2FsdA==,i=-1",
      "r=mineyours,s=c2FsdA==,i=1x",
      "r=mineyours,s=c2FsdA==,i=1000001",
      "r=mineyours,s=c2FsdA==,i=4294967297",
      "r=mineyours,s=c2FsdA==,i=1,nonsense",
  };
  for (const std::string_view message : cases) {
    CAPTURE(message);
    scram::Client client("mine", "n,,", "");
    CHECK_FALSE(client.read_first(message));
  }
  scram::Client client("mine", "n,,", "");
  CHECK(client.read_first("r=mineyours,s=c2FsdA==,i=1,x=y"));
}

TEST_CASE("server-final-messages that break a rule, at every length and byte") {
  const ScramKeys keys = ScramKeys::derive("pencil", rfc_salt, 1);
  const ScramVerifier verifier = ScramVerifier::derive("pencil", rfc_salt, 1);
  scram::Client client("mine", "n,,", "");
  scram::Server server("yours", {});
  REQUIRE(client.read_first(*server.first(client.first(), rfc_salt, 1)));
  REQUIRE(server.final(client.final(keys)));
  const std::string good = server.server_final(verifier);
  REQUIRE(client.read_final(good, keys));
  for (std::size_t size = 0; size < good.size(); ++size) {
    CHECK_FALSE(client.read_final(good.substr(0, size), keys));
    std::string changed = good;
    changed[size] = static_cast<char>(changed[size] ^ 1);
    CHECK_FALSE(client.read_final(changed, keys));
  }
  const auto refused = client.read_final("e=invalid-proof", keys);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().detail == "invalid-proof");
}
