// Logins that the proxy judges, the greeting, and the logins to servers that follow from them.
#include <doctest/doctest.h>

#include "auth/scram_server.hpp"
#include "bench.hpp"
#include "crypto/hash.hpp"
#include "scram_client.hpp"

using namespace heim;
using namespace heim::session::test;
using std::chrono::seconds;

namespace {

const std::string scram_offer = authentication(10, std::string("SCRAM-SHA-256\0\0", 15));

void knows(Bench& bench, std::string_view lines) {
  auto users = auth::UserList::parse(lines);
  REQUIRE(users);
  bench.users = *std::move(users);
}

// One whole message off what was written to the client.
std::string one_message(Client& client) {
  const std::string head = client.take(5);
  if (head.size() < 5) return head;
  return head + client.take(load_be32(reinterpret_cast<const std::uint8_t*>(head.data()) + 1) - 4);
}

void logs_in_by_scram(Client& client, std::string_view password) {
  ScramClient scram(password);
  client.receives_all(scram_offer);
  client.sends(scram.initial());
  client.sends(scram.final(one_message(client)));
  CHECK(scram.proves(one_message(client)));
}

}  // namespace

SCRIPT("SCRAM-SHA-256 with a plain password on file; servers are opened with it") {
  bench.settings.auth.type = config::AuthType::scram_sha_256;
  knows(bench, "\"app\" \"secret\"\n");
  Client& client = bench.starts();
  logs_in_by_scram(client, "secret");
  Server& server = bench.dialed();
  server.accepts();
  server.take();
  server.sends(authentication(3));
  server.receives_all(password("secret"));
  server.sends(authentication(0) + key(1, "k") + ready());
  bench.admitted(client);
}

SCRIPT("SCRAM-SHA-256 with a verifier on file: the client's key opens the server") {
  bench.settings.auth.type = config::AuthType::scram_sha_256;
  const auto verifier = auth::ScramVerifier::derive("secret", "0123456789abcdef", 4096);
  knows(bench, "\"app\" \"" + verifier.to_string() + "\"\n");
  Client& client = bench.starts();
  logs_in_by_scram(client, "secret");
  Server& server = bench.dialed();
  server.accepts();
  server.take();
  server.sends(scram_offer);
  // The server's side of the exchange, with the same verifier.
  auth::scram::Server judge("snonce", {});
  const std::string first = one_message(server);
  const auto challenge = judge.first(first.substr(5 + 14 + 4), verifier.salt, verifier.iterations);
  REQUIRE(challenge);
  server.sends(authentication(11, *challenge));
  const std::string final = one_message(server);
  REQUIRE(judge.final(final.substr(5)));
  CHECK(judge.verify(verifier));
  server.sends(authentication(12, judge.server_final(verifier)) + authentication(0) + key(1, "k") +
               ready());
  bench.admitted(client);
}

SCRIPT("wrong password and unknown user look the same") {
  bench.settings.auth.type = config::AuthType::scram_sha_256;
  knows(bench, "\"other\" \"" +
                   auth::ScramVerifier::derive("x", "0123456789abcdef", 4096).to_string() + "\"\n");
  for (const char* const user : {"other", "nobody"}) {
    Client& client = bench.connect();
    client.sends(startup({{"user", user}, {"database", "db"}}));
    ScramClient scram("wrong");
    client.receives_all(scram_offer);
    client.sends(scram.initial());
    client.sends(scram.final(one_message(client)));
    CHECK_EQ(client.receives_error("28P01", "FATAL"),
             "password authentication failed for user \"" + std::string(user) + "\"");
    client.is_closed();
  }
  CHECK_FALSE(bench.dials());
}

SCRIPT("a password in plain text, on this machine and from elsewhere") {
  bench.settings.auth.type = config::AuthType::password;
  knows(bench, "\"app\" \"secret\"\n");
  Client& here = bench.starts();
  here.receives_all(authentication(3));
  here.sends(password("secret"));
  bench.server();
  bench.admitted(here);
  Client& wrong = bench.starts();
  wrong.receives_all(authentication(3));
  wrong.sends(password("Secret"));
  wrong.receives_error("28P01", "FATAL");
  wrong.is_closed();
  Client& elsewhere = bench.connect();
  elsewhere.loopback = false;
  elsewhere.sends(startup({{"user", "app"}, {"database", "db"}}));
  elsewhere.receives_error("28000", "FATAL");
  elsewhere.is_closed();
}

SCRIPT("a password before it is asked for, together with the startup packet") {
  bench.settings.auth.type = config::AuthType::password;
  knows(bench, "\"app\" \"secret\"\n");
  Client& client = bench.connect();
  client.sends(startup({{"user", "app"}, {"database", "db"}}) + password("secret") +
               query("select 1"));
  Server& server = bench.server();
  client.receives(authentication(3));
  bench.admitted(client);
  server.receives_all(query("select 1"));
}

SCRIPT("out of order during the login") {
  bench.settings.auth.type = config::AuthType::scram_sha_256;
  for (const std::string& sent :
       {query("select 1"), terminate(), message('!', ""), password("plain")}) {
    Client& client = bench.starts();
    client.receives_all(scram_offer);
    client.sends(sent);
    client.take();
    client.is_closed();
  }
  CHECK_FALSE(bench.dials());
}

SCRIPT("a password after the login") {
  Client& client = bench.login();
  client.sends(password("late"));
  client.receives_error("08P01", "FATAL");
  client.is_closed();
}

SCRIPT("HBA rules decide") {
  bench.settings.auth.type = config::AuthType::hba;
  auto rules = auth::Hba::parse("host db app 127.0.0.1/32 trust\nhost all bad all reject\n");
  REQUIRE(rules);
  bench.hba = *std::move(rules);
  bench.login();
  for (const char* const user : {"bad", "nobody"}) {
    Client& client = bench.connect();
    client.sends(startup({{"user", user}, {"database", "db"}}));
    client.receives_error("28000", "FATAL");
    client.is_closed();
  }
}

SCRIPT("a certificate names the user") {
  bench.certificate_hash = "hash";
  bench.settings.auth.type = config::AuthType::cert;
  for (const char* const name : {"app", "other"}) {
    Client& client = bench.connect();
    client.sends(ssl_request());
    client.receives_all("S");
    client.finishes_tls({"TLSv1.3", "c", {}, name, {}, {}});
    client.sends(startup({{"user", "app"}, {"database", "db"}}));
    if (std::string_view(name) == "app") {
      bench.server();
      bench.admitted(client);
    } else {
      client.receives_error("28000", "FATAL");
      client.is_closed();
    }
  }
}

// ---- the greeting ---------------------------------------------------------------

SCRIPT("the greeting is what the server reports with the client's parameters") {
  Client& client = bench.starts({{"client_encoding", "LATIN1"}, {"options", "-c search_path=a,b"}});
  Server& server = bench.server(
      {{"application_name", ""}, {"client_encoding", "UTF8"}, {"server_version", "15.1"}});
  server.receives_all(
      query("SELECT pg_catalog.set_config(E'client_encoding',E'LATIN1',false),"
            "pg_catalog.set_config(E'search_path',E'a,b',false)"));
  server.sends(row_description() + row("x") + parameter("client_encoding", "LATIN1") +
               done("SELECT 1"));
  bench.admitted(client);
  CHECK_EQ(client.greeting, authentication(0) + parameter("application_name", "") +
                                parameter("client_encoding", "LATIN1") +
                                parameter("server_version", "15.1"));
  // A second one with the same parameters needs no server.
  Client& second = bench.login({{"options", "-csearch_path=a,b"}, {"client_encoding", "LATIN1"}});
  CHECK_EQ(second.greeting, client.greeting);
  server.receives_nothing();
}

SCRIPT("a parameter of its own counts more than one in options, wherever it stands") {
  bench.starts({{"TimeZone", "UTC"}, {"options", "-c timezone=CET -c geqo=off"}, {"geqo", "on"}});
  bench.server().receives_all(
      query("SELECT pg_catalog.set_config(E'geqo',E'on',false),"
            "pg_catalog.set_config(E'timezone',E'UTC',false)") +
      // What is wrong with the others ends the login as well.
      query("BEGIN;SET LOCAL \"timezone\"=E'CET';SET LOCAL \"geqo\"=E'off';ROLLBACK"));
}

SCRIPT("a parameter that the server refuses ends the login, as it would there") {
  Client& client = bench.starts({{"search_patch", "a"}});
  Server& server = bench.server();
  server.take();
  server.sends(error("42704", "unrecognized configuration parameter \"search_patch\"") + ready());
  client.receives(authentication(0));
  CHECK_EQ(client.receives_error("42704", "FATAL"),
           "unrecognized configuration parameter \"search_patch\"");
  client.is_closed();
  server.is_open();
  // Nobody knows what the server has now.
  Client& other = bench.starts();
  server.receives_all(query("RESET SESSION AUTHORIZATION;RESET ROLE;RESET ALL;"));
  server.sends(done("RESET"));
  bench.admitted(other);
}

SCRIPT("options that cannot be passed on") {
  for (const char* const options : {"-B 100", "-c geqo=off -F", "-B", "-e"}) {
    Client& client = bench.starts({{"options", options}});
    const bool lacks = std::string_view(options) == "-B";
    client.receives_error(lacks ? "42601" : "22023", "FATAL");
    client.is_closed();
  }
  bench.settings.proxy.ignore_startup_parameters = {"options"};
  bench.reload();
  bench.login({{"options", "-B 100"}});
}

SCRIPT("mistakes in options are told in PostgreSQL's words") {
  const auto invalid = [](const std::string& word) {
    return "invalid command-line argument for server process: " + word;
  };
  const Pairs told = {{"--nosuch", "--nosuch requires a value"},
                      {"-c geqo=off --BAD-name -Z", "--BAD-name requires a value"},
                      {"-c nosuch", "-c nosuch requires a value"},
                      {"-cbad-name", "-c bad-name requires a value"},
                      {"-c", invalid("-c")},
                      {"-c geqo=off -Z", invalid("-Z")},
                      {"geqo=off", invalid("geqo=off")},
                      {"-", invalid("-")},
                      {"--geqo=off -- x", invalid("x")}};
  for (const auto& [options, message] : told) {
    Client& client = bench.starts({{"options", options}});
    CHECK_EQ(client.receives_error("42601", "FATAL"), message);
    client.is_closed();
  }
  Client& nameless = bench.starts({{"options", "--=x"}});
  nameless.receives_error("42704", "FATAL");
  nameless.is_closed();
  bench.login({{"options", "--"}});
}

SCRIPT("heimproxy.route chooses the kind of node") {
  bench.settings.routing.reads = config::Reads::primary;
  bench.settings.nodes.push_back({"two", "two.test", 5432, config::NodeRole::standby});
  Client& reader = bench.starts({{"options", "-c heimproxy.route=standby"}});
  Server& standby = bench.server();
  CHECK_EQ(standby.target.host, "two.test");
  bench.admitted(reader);
  Client& wrong = bench.starts({{"options", "-c heimproxy.route=both"}});
  wrong.receives_error("22023", "FATAL");
  wrong.is_closed();
  Client& writer = bench.starts();
  CHECK_EQ(bench.server().target.host, "one.test");
  bench.admitted(writer);
}

// ---- settings follow their client -----------------------------------------------

SCRIPT("a server is adapted to each client, and the client hears what differs") {
  bench.settings.proxy.pool_size = 1;
  const Pairs reported = {{"application_name", ""}, {"TimeZone", "UTC"}};
  Client& paris = bench.starts({{"TimeZone", "Europe/Paris"}});
  Server& server = bench.server(reported);
  server.receives_all(query("SELECT pg_catalog.set_config(E'timezone',E'Europe/Paris',false)"));
  server.sends(parameter("TimeZone", "Europe/Paris") + done());
  bench.admitted(paris);
  Client& plain = bench.starts();
  server.receives_all(query("RESET \"timezone\";"));
  server.sends(complete("RESET") + parameter("TimeZone", "UTC") + ready());
  bench.admitted(plain);
  CHECK_EQ(plain.greeting,
           authentication(0) + parameter("TimeZone", "UTC") + parameter("application_name", ""));
  paris.sends(query("select now()"));
  server.receives_all(query("SELECT pg_catalog.set_config(E'timezone',E'Europe/Paris',false)") +
                      query("select now()"));
  server.sends(parameter("TimeZone", "Europe/Paris") + done() + answer("now"));
  paris.receives_all(answer("now"));
}

SCRIPT("a reported SET follows its client") {
  bench.settings.proxy.pool_size = 1;
  Client& one = bench.login();
  Server& server = bench.last();
  Client& two = bench.login();
  one.sends(query("set timezone = 'Asia/Tokyo'"));
  server.receives_all(query("set timezone = 'Asia/Tokyo'"));
  const std::string set = complete("SET") + parameter("TimeZone", "Asia/Tokyo") + ready();
  server.sends(set);
  one.receives_all(set);
  two.sends(query("select 1"));
  server.receives_all(query("RESET SESSION AUTHORIZATION;RESET ROLE;RESET ALL;") +
                      query("select 1"));
  server.sends(complete("RESET") + parameter("TimeZone", "UTC") + ready() + answer("1"));
  two.receives_all(answer("1"));
  one.sends(query("select 2"));
  server.receives_all(query("SELECT pg_catalog.set_config(E'timezone',E'Asia/Tokyo',false)") +
                      query("select 2"));
  server.sends(parameter("TimeZone", "Asia/Tokyo") + done() + answer("2"));
  one.receives_all(answer("2"));
}

SCRIPT("what a SET leaves does not reach another client, not even a role") {
  bench.settings.proxy.pool_size = 1;
  Client& one = bench.login();
  Server& server = bench.last();
  Client& two = bench.login();
  for (const char* const tag : {"SET", "RESET", "LISTEN", "PREPARE"}) {
    one.sends(query("do it"));
    const std::string got = server.take();
    if (got != query("do it")) server.sends(done());
    server.sends(done(tag));
    one.receives_all(done(tag));
    // The same client finds what it left.
    one.sends(query("again"));
    server.receives_all(query("again"));
    server.sends(done());
    one.receives_all(done());
    two.sends(query("select 1"));
    const bool light = std::string_view(tag).ends_with("SET");
    server.receives_all(
        query(light ? "RESET SESSION AUTHORIZATION;RESET ROLE;RESET ALL;" : "DISCARD ALL") +
        query("select 1"));
    server.sends(done() + answer("1"));
    two.receives_all(answer("1"));
  }
}

SCRIPT("settings that cannot be restored end the session") {
  bench.settings.proxy.pool_size = 1;
  Client& one = bench.login({{"application_name", "one"}});
  Server& server = bench.last();
  one.sends(query("select 1"));
  server.take();
  server.sends(done());
  one.receives(done());
  Client& two = bench.login();
  two.sends(query("select 2"));
  server.take();
  server.sends(error("42501", "no") + ready() + answer("2"));
  two.receives_error("08007", "FATAL");
  two.take();
  two.is_closed();
  server.is_open();
}
