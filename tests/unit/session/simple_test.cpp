// The simple protocol in the three pool modes, and when a server is given back.
#include <doctest/doctest.h>

#include "bench.hpp"

using namespace heim::session::test;

SCRIPT("a query goes to a server and its answer comes back") {
  Client& client = bench.login();
  Server& server = bench.last();
  CHECK_EQ(client.greeting, auth(0) + parameter("TimeZone", "UTC") + parameter("server_version", "15.1"));
  client.sends(query("select 1"));
  server.receives_all(query("select 1"));
  server.sends(answer("1"));
  client.receives_all(answer("1"));
}
