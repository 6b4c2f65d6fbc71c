// The first packets of a connection.
#include <doctest/doctest.h>

#include "bench.hpp"

using namespace heim;
using namespace heim::session::test;

namespace {
const Pairs who = {{"user", "app"}, {"database", "db"}};
}

SCRIPT("TLS is refused where there is no certificate, and the session goes on") {
  Client& client = bench.connect();
  client.sends(ssl_request());
  client.receives_all("N");
  client.sends(startup(who));
  bench.server();
  bench.admitted(client);
}

SCRIPT("GSSENCRequest is refused, before and after SSLRequest") {
  bench.certificate_hash = "hash";
  Client& client = bench.connect();
  client.sends(gss_request());
  client.receives_all("N");
  client.sends(ssl_request());
  client.receives_all("S");
  CHECK(client.tls == End::Tls::server);
  client.finishes_tls();
  client.sends(gss_request());
  client.receives_all("N");
  client.sends(startup(who));
  bench.server();
  bench.admitted(client);
}

SCRIPT("two SSLRequests") {
  Client& client = bench.connect();
  client.sends(ssl_request());
  client.receives_all("N");
  client.sends(ssl_request());
  client.receives_error("08P01", "FATAL");
  client.is_closed();
}

SCRIPT("an SSLRequest inside TLS") {
  bench.certificate_hash = "hash";
  Client& client = bench.connect();
  client.sends(ssl_request());
  client.receives_all("S");
  client.finishes_tls();
  client.sends(ssl_request());
  client.receives_error("08P01", "FATAL");
  client.is_closed();
}

TEST_CASE("bytes that follow SSLRequest in plain text are not taken for encrypted ones") {
  Bench bench(Cut::coalesced);
  bench.certificate_hash = "hash";
  Client& client = bench.connect();
  client.sends(ssl_request());
  client.sends(startup(who));
  client.receives_error("08P01", "FATAL");
  client.is_closed();
  CHECK(client.tls == End::Tls::none);
}

TEST_CASE("a refused SSLRequest and the startup packet may come together") {
  Bench bench(Cut::coalesced);
  Client& client = bench.connect();
  client.sends(ssl_request() + startup(who));
  client.receives_all("N");
  bench.server();
  bench.admitted(client);
}

SCRIPT("direct TLS") {
  bench.certificate_hash = "hash";
  Client& client = bench.connect();
  client.sends("\x16");
  client.receives_nothing();
  CHECK(client.tls == End::Tls::server);
  CHECK_EQ(client.tls_first, "\x16");
  client.finishes_tls({"TLSv1.3", "c", "postgresql", {}, {}, {}});
  client.sends(startup(who));
  bench.server();
  bench.admitted(client);
}

SCRIPT("direct TLS with another ALPN name") {
  bench.certificate_hash = "hash";
  Client& client = bench.connect();
  client.sends("\x16");
  bench.settle();
  client.finishes_tls({"TLSv1.3", "c", "http/1.1", {}, {}, {}});
  client.receives_error("08P01", "FATAL");
  client.is_closed();
}

SCRIPT("direct TLS without a certificate") {
  Client& client = bench.connect();
  client.sends("\x16\x03\x01");
  client.is_closed();
}

SCRIPT("a client that leaves during the handshake") {
  bench.certificate_hash = "hash";
  Client& client = bench.connect();
  client.sends(ssl_request());
  client.receives_all("S");
  client.leaves("handshake failed");
  client.is_closed();
}

TEST_CASE("garbage instead of a startup packet") {
  struct Row {
    const char* what;
    std::string bytes;
    const char* sqlstate;
  };
  const std::string http = "GET / HTTP/1.1\r\n\r\n";
  std::string version2;
  wire::startup(version2, 0x00020000, std::string(8, '\0'));
  std::string open_end;
  wire::startup(open_end, wire::version_3_0, "user");
  const Row rows[] = {
      {"another protocol", http, "08P01"},
      {"a length of zero", std::string(8, '\0'), "08P01"},
      {"a length of seven", std::string("\0\0\0\7\0\3\0", 7), "08P01"},
      {"a length above the limit", std::string("\0\1\0\0", 4), "08P01"},
      {"protocol 2", version2, "0A000"},
      {"parameters without an end", open_end, "08P01"},
      {"no user", startup({{"database", "db"}}), "28000"},
      {"an empty user", startup({{"user", ""}, {"database", "db"}}), "28000"},
  };
  for (const Row& row : rows) {
    for (const Cut cut : {Cut::whole, Cut::bytes}) {
      INFO(row.what);
      Bench bench(cut);
      Client& client = bench.connect();
      client.sends(row.bytes);
      client.receives_error(row.sqlstate, "FATAL");
      client.is_closed();
      CHECK_FALSE(bench.dials());
    }
  }
}

SCRIPT("a database that is not named is named like the user") {
  Client& client = bench.connect();
  client.sends(startup({{"user", "app"}}));
  Server& server = bench.dialed();
  server.accepts();
  CHECK_NE(server.take().find(std::string("database\0app\0", 13)), std::string::npos);
  client.loose = true;
}

SCRIPT("protocol 3.2 has a long key") {
  Client& client = bench.connect();
  client.sends(startup(who, wire::version_3_2));
  bench.server();
  bench.admitted(client);
  CHECK_EQ(client.secret.size(), 32u);
  Client& old = bench.connect();
  old.sends(startup(who));
  bench.admitted(old);
  CHECK_EQ(old.secret.size(), 4u);
}

SCRIPT("a newer protocol and unknown options are negotiated") {
  Client& client = bench.connect();
  Pairs more = who;
  more.push_back({"_pq_.command_tag_format", "x"});
  client.sends(startup(more, 0x00030009));
  std::string negotiation;
  wire::Writer(negotiation, 'v').u32(wire::version_3_2).u32(1).string("_pq_.command_tag_format");
  client.receives_all(negotiation);
  bench.server();
  bench.admitted(client);
  CHECK_EQ(client.secret.size(), 32u);
}

SCRIPT("TLS can be demanded") {
  bench.certificate_hash = "hash";
  bench.settings.client_tls.mode = SslMode::require;
  Client& plain = bench.connect();
  plain.sends(startup(who));
  plain.receives_error("28000", "FATAL");
  plain.is_closed();
  Client& local = bench.connect();
  local.unix_socket = true;
  local.sends(startup(who));
  bench.server();
  bench.admitted(local);
}

SCRIPT("max_client_conn") {
  bench.settings.proxy.max_client_conn = 1;
  Client& one = bench.login();
  Client& two = bench.starts();
  two.receives_error("53300", "FATAL");
  two.is_closed();
  one.leaves();
  bench.login();
}

SCRIPT("a startup packet and a query in one, when the greeting is known already") {
  bench.login();
  Server& server = bench.last();
  Client& client = bench.connect();
  client.sends(startup(who) + query("select 1"));
  bench.admitted(client);
  server.receives_all(query("select 1"));
  server.sends(answer("1"));
  client.receives_all(answer("1"));
}

SCRIPT("a startup packet and a query in one, when a server must be asked first") {
  Client& client = bench.connect();
  client.sends(startup(who) + query("select 1"));
  Server& server = bench.server();
  bench.admitted(client);
  server.receives_all(query("select 1"));
  server.sends(answer("1"));
  client.receives_all(answer("1"));
}
