#include "auth/hba.hpp"

#include <doctest/doctest.h>

using namespace heim;
using namespace heim::auth;

namespace {

Hba parse(std::string_view text) {
  auto hba = Hba::parse(text);
  REQUIRE_MESSAGE(hba, hba.error().message);
  return *std::move(hba);
}

std::string error_of(std::string_view text) {
  const auto hba = Hba::parse(text);
  REQUIRE_FALSE(hba);
  CHECK(hba.error().sqlstate == "F0000");
  return hba.error().message;
}

constexpr HbaRequest from(std::string_view address, ConnKind kind = ConnKind::tcp) {
  return {kind, "db", "alice", address, false};
}

}  // namespace

TEST_CASE("the first rule that matches decides") {
  const Hba hba = parse(
      "# TYPE DATABASE USER ADDRESS METHOD\n"
      "local   all      all                       peer\n"
      "hostssl all      all      10.0.0.0/8       cert   # inside\n"
      "host    all      eve      0.0.0.0/0        reject\r\n"
      "host    db,other alice , bob 192.0.2.0 255.255.255.0 md5\n"
      "\n"
      "host    sameuser all      all              scram-sha-256\n"
      "host    \"all\"  all      2001:db8::/32    trust\n"
      "hostnossl all    all      ::/0             relay");
  CHECK(hba.size() == 7);
  CHECK(hba.match(from("", ConnKind::local)) == Method::peer);
  CHECK(hba.match(from("10.1.2.3", ConnKind::tls)) == Method::cert);
  CHECK_FALSE(hba.match(from("10.1.2.3", ConnKind::tcp)));
  CHECK(hba.match(from("192.0.2.77")) == Method::md5);
  CHECK_FALSE(hba.match(from("192.0.3.1")));
  CHECK(hba.match({ConnKind::tcp, "db", "eve", "192.0.2.77"}) == Method::reject);
  CHECK(hba.match({ConnKind::tcp, "other", "bob", "192.0.2.77"}) == Method::md5);
  CHECK_FALSE(hba.match({ConnKind::tcp, "third", "bob", "192.0.2.77"}));
  CHECK(hba.match({ConnKind::tcp, "bob", "bob", "198.51.100.1"}) == Method::scram_sha_256);
  CHECK(hba.match({ConnKind::tls, "all", "x", "2001:db8::1"}) == Method::trust);
  CHECK_FALSE(hba.match({ConnKind::tls, "db", "x", "2001:db8::1"}));
  CHECK(hba.match({ConnKind::tcp, "db", "x", "2001:db8::1"}) == Method::relay);
}

TEST_CASE("no rule, no access") {
  CHECK_FALSE(parse("").match(from("127.0.0.1")));
  CHECK_FALSE(parse("# nothing\n\n").match(from("127.0.0.1")));
}

TEST_CASE("a network is matched by its bits, at every length") {
  for (unsigned bits = 0; bits <= 32; ++bits) {
    const Hba hba = parse("host all all 255.255.255.255/" + std::to_string(bits) + " trust");
    for (unsigned flipped = 0; flipped < 32; ++flipped) {
      const std::uint32_t value = ~(0x80000000u >> flipped);
      std::string text;
      for (int shift = 24; shift >= 0; shift -= 8) {
        text += std::to_string((value >> shift) & 255) + (shift ? "." : "");
      }
      CAPTURE(bits);
      CAPTURE(text);
      CHECK(hba.match(from(text)).has_value() == (flipped >= bits));
    }
  }
  const Hba host = parse("host all all 2001:db8::1/128 trust");
  CHECK(host.match(from("2001:db8::1")));
  CHECK_FALSE(host.match(from("2001:db8::2")));
}

TEST_CASE("bits of the address outside the mask do not count") {
  CHECK(parse("host all all 10.1.2.3/8 trust").match(from("10.9.9.9")));
}

TEST_CASE("peers are written in many ways") {
  const Hba v4 = parse("host all all 192.0.2.1/32 trust");
  for (const std::string_view text : {"192.0.2.1", "192.0.2.1:5432", "::ffff:192.0.2.1",
                                      "[::ffff:192.0.2.1]:5432", "::ffff:c000:201"}) {
    CAPTURE(text);
    CHECK(v4.match(from(text)));
  }
  const Hba v6 = parse("host all all fe80::/10 trust");
  for (const std::string_view text : {"fe80::1", "fe80::1%eth0", "[fe80::1]:5432"}) {
    CAPTURE(text);
    CHECK(v6.match(from(text)));
  }
}

TEST_CASE("an address that cannot be read matches no network") {
  const Hba hba = parse("host all all 0.0.0.0/0 trust\nhost all all ::/0 trust");
  for (const std::string_view text :
       {"", "unix", "[", "[]", "]", "1.2.3", "1.2.3.4.5", "01.2.3.4x", ":", "::1::", "%", "a:b"}) {
    CAPTURE(text);
    CHECK_FALSE(hba.match(from(text)));
  }
}

TEST_CASE("replication connections match only the word") {
  const HbaRequest replication{ConnKind::tcp, "", "alice", "127.0.0.1", true};
  CHECK_FALSE(parse("host all all all trust").match(replication));
  CHECK(parse("host all,replication all all trust").match(replication));
  CHECK_FALSE(parse("host \"replication\" all all trust").match(replication));
  CHECK_FALSE(parse("host replication all all trust")
                  .match({ConnKind::tcp, "replication", "alice", "127.0.0.1"}));
}

TEST_CASE("quotes take a word's meaning, and hold blanks, commas and quotes") {
  const Hba hba = parse("local \"a b\",\"c,d\",\"e\"\"f\",\"#g\" \"all\",\"+team\" trust");
  for (const std::string_view database : {"a b", "c,d", "e\"f", "#g"}) {
    CHECK(hba.match({ConnKind::local, database, "all", ""}));
  }
  CHECK(hba.match({ConnKind::local, "a b", "+team", ""}));
  CHECK_FALSE(hba.match({ConnKind::local, "a b", "alice", ""}));
}

TEST_CASE("an error names the line and what is wrong") {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"hots all all all trust", "the first word must be local, host, hostssl or hostnossl"},
      {"local all", "a database, a user and a method must follow"},
      {"local all all", "a method was expected"},
      {"host all all", "an address was expected"},
      {"host all all all", "a method was expected"},
      {"host all all trust", "\"trust\" is not an address"},
      {"host all all db.example.org trust", "host names are not supported"},
      {"host all all 10.0.0.0/33 trust", "\"10.0.0.0/33\" is not an address"},
      {"host all all 10.0.0.0/ trust", "is not an address"},
      {"host all all ::/129 trust", "is not an address"},
      {"host all all 10.0.0.0 trust", "a mask must follow"},
      {"host all all 10.0.0.0 ffff:: trust", "a mask must follow"},
      {"host all all samehost trust", "is not an address"},
      {"host all +team all trust", "\"+team\" is not supported"},
      {"host @dbs all all trust", "\"@dbs\" is not supported"},
      {"host all /^x all trust", "\"/^x\" is not supported"},
      {"host samerole all all trust", "\"samerole\" is not supported"},
      {"host all all all ldap", "method \"ldap\" is not supported"},
      {"host all all all md5 map=x", "options after the method are not supported"},
      {"host all all all cert", "method cert is for hostssl lines only"},
      {"host all all all peer", "method peer is for local lines only"},
      {"local all, all", "a database, a user and a method must follow"},
      {"local all,", "a name is missing after a comma"},
      {"local ,all all trust", "the first word must be local, host, hostssl or hostnossl"},
      {",local all all trust", "a word is empty"},
      {"local \"\" all trust", "a word is empty"},
      {"local \"all all trust", "the closing double quote is missing"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.first);
    const std::string message = error_of("# comment\nlocal all all trust\n" + std::string(c.first));
    CAPTURE(message);
    CHECK(message.starts_with("hba_file line 3: "));
    CHECK(message.find(c.second) != std::string::npos);
  }
}
