// Conversations with the console: what a client sends, what comes back.
#include "admin/console.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "wire/encoder.hpp"
#include "wire/framer.hpp"

using namespace heim;
using namespace heim::admin;
using namespace std::string_literals;

namespace {

std::string query(std::string_view sql) {
  std::string out;
  wire::text_message(out, 'Q', sql);
  return out;
}
std::string parse(std::string_view name, std::string_view sql) {
  std::string out;
  wire::Writer(out, 'P').string(name).string(sql).u16(0);
  return out;
}
std::string bind(std::string_view portal, std::string_view statement, const Formats& formats = {}) {
  std::string out;
  wire::Writer writer(out, 'B');
  writer.string(portal).string(statement).u16(0).u16(0);
  writer.u16(static_cast<std::uint16_t>(formats.size()));
  for (const std::uint16_t format : formats) writer.u16(format);
  return out;
}
std::string describe(char kind, std::string_view name) {
  std::string out;
  wire::Writer(out, 'D').u8(static_cast<std::uint8_t>(kind)).string(name);
  return out;
}
std::string execute(std::string_view portal, std::uint32_t rows = 0) {
  std::string out;
  wire::Writer(out, 'E').string(portal).u32(rows);
  return out;
}
std::string close(char kind, std::string_view name) {
  std::string out;
  wire::Writer(out, 'C').u8(static_cast<std::uint8_t>(kind)).string(name);
  return out;
}
const std::string sync = "S\0\0\0\4"s;

struct Client {
  explicit Client(bool admin = true) : console({"1.2.3", "joe", "heimproxy", 77, admin}) {
    snapshot.version = "1.2.3";
    snapshot.pools.resize(3);
    snapshot.pools[0].database = "shop";
  }

  /// Sends, answers what the console asks the engine for, and says which messages came back:
  /// "T D C(SHOW) Z(I)", errors as "E(42601)".
  std::string say(std::string_view bytes) {
    console.feed(as_bytes(bytes));
    while (const Command* command = console.pending()) {
      if (command->verb == Verb::show) {
        console.answer(snapshot);
      } else {
        done.push_back(command->tag + (command->name.empty() ? "" : " ") + command->name);
        console.answer(outcome);
      }
    }
    return told(console.take_output());
  }

  static std::string told(const std::string& stream) {
    std::string out;
    Bytes rest = as_bytes(stream);
    wire::Header header;
    while (!rest.empty()) {
      REQUIRE(wire::peek(wire::Origin::server, rest, header) == wire::Peek::ok);
      REQUIRE(header.total() <= rest.size());
      const Bytes body = rest.subspan(wire::header_size, header.body);
      out += (out.empty() ? "" : " ") + one(header.tag, body);
      rest = rest.subspan(header.total());
    }
    return out;
  }

  static std::string one(std::uint8_t tag, Bytes body) {
    std::string out(1, static_cast<char>(tag));
    if (tag == 'E' || tag == 'N') out += "(" + std::string(wire::read_error(body).sqlstate) + ")";
    if (tag == 'C') out += "(" + std::string(wire::Fields(body).string()) + ")";
    if (tag == 'Z') out += "(" + std::string(as_text(body)) + ")";
    return out;
  }

  Console console;
  session::Snapshot snapshot;
  Result<void> outcome;
  std::vector<std::string> done;  // what the engine was asked to do
};

}  // namespace

TEST_CASE("simple queries") {
  struct Case {
    const char* sql;
    const char* answer;
  };
  const Case cases[] = {
      {"SHOW POOLS", "T D D D C(SHOW) Z(I)"},
      {"SHOW VERSION;", "T D C(SHOW) Z(I)"},
      {"show help", "N(00000) C(SHOW) Z(I)"},
      {"PAUSE", "C(PAUSE) Z(I)"},
      {"SELECT 1", "T D C(SELECT 1) Z(I)"},
      {"SET extra_float_digits = 3", "C(SET) Z(I)"},
      {"", "I Z(I)"},
      {" ; -- nothing", "I Z(I)"},
      {"nonsense", "E(42601) Z(I)"},
      {"SET pool_size = 3", "E(0A000) Z(I)"},
      {"SHOW VERSION; PAUSE; SELECT 1", "T D C(SHOW) C(PAUSE) T D C(SELECT 1) Z(I)"},
      {"PAUSE; nonsense; RESUME", "C(PAUSE) E(42601) Z(I)"},
  };
  for (const Case& row : cases) {
    CAPTURE(row.sql);
    Client client;
    CHECK(client.say(query(row.sql)) == row.answer);
    CHECK_FALSE(client.console.ended());
  }
}

TEST_CASE("a stream cut anywhere gives the same answers") {
  const std::string stream = query("SHOW POOLS") + parse("s", "SHOW VERSION") + bind("", "s") +
                             describe('P', "") + execute("") + sync + query("RELOAD; foo");
  const std::string expected = "T D D D C(SHOW) Z(I) 1 2 T D C(SHOW) Z(I) C(RELOAD) E(42601) Z(I)";
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    Client client;
    const std::string first = client.say(stream.substr(0, cut));
    const std::string second = client.say(stream.substr(cut));
    CHECK(first + (first.empty() || second.empty() ? "" : " ") + second == expected);
  }
}

TEST_CASE("the extended protocol, as drivers use it") {
  Client client;
  CHECK(client.say(parse("s", "SHOW POOLS") + describe('S', "s") + sync) == "1 t T Z(I)");
  CHECK(client.say(bind("", "s") + describe('P', "") + execute("") + sync) ==
        "2 T D D D C(SHOW) Z(I)");
  CHECK(client.say(bind("", "s", {1}) + execute("") + sync) == "2 D D D C(SHOW) Z(I)");
  CHECK(client.say(close('S', "s") + close('S', "never") + sync) == "3 3 Z(I)");
  CHECK(client.say(bind("", "s") + sync) == "E(26000) Z(I)");
  CHECK(client.say(parse("", "") + describe('S', "") + bind("", "") + execute("") + sync) ==
        "1 t n 2 I Z(I)");
  CHECK(client.say(parse("", "PAUSE shop") + describe('S', "") + bind("", "") + execute("") +
                   sync) == "1 t n 2 C(PAUSE) Z(I)");
  CHECK(client.done == std::vector<std::string>{"PAUSE shop"});
}

TEST_CASE("rows in portions") {
  Client client;
  CHECK(client.say(parse("", "SHOW POOLS") + bind("", "") + execute("", 2) + execute("", 2) +
                   execute("", 2) + sync) == "1 2 D D s D C(SHOW) C(SHOW) Z(I)");
  CHECK(client.say(parse("", "SHOW POOLS") + bind("", "") + execute("", 3) + sync) ==
        "1 2 D D D C(SHOW) Z(I)");
  CHECK(client.say(parse("", "SHOW POOLS") + bind("", "") + execute("", 0x80000000) + sync) ==
        "1 2 D D D C(SHOW) Z(I)");
}

TEST_CASE("after an error everything is skipped until Sync") {
  Client client;
  CHECK(client.say(parse("", "nonsense") + bind("", "") + execute("") + query("SHOW POOLS") +
                   sync) == "E(42601) Z(I)");
  CHECK(client.say(query("SHOW VERSION")) == "T D C(SHOW) Z(I)");
}

TEST_CASE("errors of the extended protocol") {
  struct Case {
    std::string sent;
    const char* answer;
  };
  const std::string prepared = parse("s", "SHOW POOLS");
  const std::string parameter = "B\0\0\0\x12\0s\0\0\0\0\1\0\0\0\1x\0\0"s;
  const std::string malformed = "D\0\0\0\6Sx"s;
  const Case cases[] = {
      {prepared + prepared + sync, "1 E(42P05) Z(I)"},
      {parse("", "PAUSE; RESUME") + sync, "E(42601) Z(I)"},
      {execute("none") + sync, "E(34000) Z(I)"},
      {describe('P', "none") + sync, "E(34000) Z(I)"},
      {describe('S', "none") + sync, "E(26000) Z(I)"},
      {describe('X', "none") + sync, "E(08P01) Z(I)"},
      {prepared + bind("p", "s") + bind("p", "s") + sync, "1 2 E(42P03) Z(I)"},
      {prepared + bind("p", "s", {0, 1}) + sync, "1 E(08P01) Z(I)"},
      {prepared + bind("p", "s", {7}) + sync, "1 E(22023) Z(I)"},
      {prepared + parameter + sync, "1 E(08P01) Z(I)"},
      {malformed + sync, "E(08P01) Z(I)"},
      {parse("", "PAUSE") + bind("", "") + execute("") + execute("") + sync,
       "1 2 C(PAUSE) E(55000) Z(I)"},
  };
  for (const Case& row : cases) {
    CAPTURE(row.answer);
    Client client;
    CHECK(client.say(row.sent) == row.answer);
    CHECK_FALSE(client.console.ended());
    CHECK(client.say(query("SHOW VERSION")) == "T D C(SHOW) Z(I)");
  }
}

TEST_CASE("transactions are kept account of") {
  Client client;
  CHECK(client.say(query("BEGIN")) == "C(BEGIN) Z(T)");
  CHECK(client.say(query("SHOW VERSION")) == "T D C(SHOW) Z(T)");
  CHECK(client.say(query("nonsense")) == "E(42601) Z(E)");
  CHECK(client.say(query("COMMIT")) == "C(ROLLBACK) Z(I)");
  CHECK(client.say(parse("", "begin") + bind("", "") + execute("") + sync) == "1 2 C(BEGIN) Z(T)");
  CHECK(client.say(query("ROLLBACK TO a")) == "C(ROLLBACK) Z(T)");
  CHECK(client.say(query("ROLLBACK")) == "C(ROLLBACK) Z(I)");
  CHECK(client.say(query("COMMIT")) == "C(COMMIT) Z(I)");
}

TEST_CASE("portals live as long as their transaction") {
  Client client;
  const std::string bound = parse("", "SELECT 1") + bind("p", "");
  CHECK(client.say(bound + sync + execute("p") + sync) == "1 2 Z(I) E(34000) Z(I)");
  CHECK(client.say(query("BEGIN") + bound + sync + execute("p") + sync) ==
        "C(BEGIN) Z(T) 1 2 Z(T) D C(SELECT 1) Z(T)");
}

TEST_CASE("who may only look may not touch") {
  Client client(false);
  for (const char* sql :
       {"PAUSE", "RESUME shop", "KILL", "KILL_CLIENT 1", "RELOAD", "SHUTDOWN", "RECONNECT",
        "WAIT_CLOSE", "DISABLE a", "ENABLE a", "SET pool_size = 1"}) {
    CAPTURE(sql);
    CHECK(client.say(query(sql)) == "E(42501) Z(I)");
  }
  CHECK(client.done.empty());
  CHECK(client.say(query("SHOW POOLS")) == "T D D D C(SHOW) Z(I)");
  CHECK(client.say(query("SET DateStyle = 'ISO'")) == "C(SET) Z(I)");
}

TEST_CASE("what the engine refuses reaches the client") {
  Client client;
  client.outcome = Error{"3D000", "no such database: nope", {}, {}};
  CHECK(client.say(query("PAUSE nope; RELOAD")) == "E(3D000) Z(I)");
  CHECK(client.say(parse("", "PAUSE nope") + bind("", "") + execute("") + sync) ==
        "1 2 E(3D000) Z(I)");
}

TEST_CASE("while a command waits nothing overtakes it") {
  Client client;
  client.console.feed(as_bytes(query("PAUSE") + query("SHOW VERSION")));
  REQUIRE(client.console.pending());
  CHECK(client.console.pending()->verb == Verb::pause);
  CHECK(client.console.take_output().empty());
  client.console.answer(client.snapshot);  // not what it waits for
  REQUIRE(client.console.pending());
  client.console.answer(Result<void>());
  REQUIRE(client.console.pending());
  CHECK(client.console.pending()->verb == Verb::show);
  client.console.answer(client.snapshot);
  CHECK(Client::told(client.console.take_output()) == "C(PAUSE) Z(I) T D C(SHOW) Z(I)");
  client.console.answer(client.snapshot);  // nothing waits: nothing happens
  CHECK(client.console.take_output().empty());
}

TEST_CASE("a snapshot that cannot be had is an error") {
  Client client;
  client.console.feed(as_bytes(query("SHOW POOLS")));
  client.console.answer(Result<void>(Error{"57P01", "shutting down", {}, {}}));
  CHECK(Client::told(client.console.take_output()) == "E(57P01) Z(I)");
}

TEST_CASE("broken protocol ends the session with a reason; goodbye ends it without") {
  const std::string long_query = "Q\0\2\0\0"s;
  for (const std::string& bytes :
       {"!"s, "Q\0\0\0\3"s, "Z\0\0\0\5I"s, long_query, "p\0\0\0\6x\0"s}) {
    Client client;
    CHECK(client.say(bytes).substr(0, 2) == "E(");
    CHECK(client.console.ended());
    CHECK(client.say(query("SHOW POOLS")).empty());
  }
  Client client;
  CHECK(client.say("X\0\0\0\4"s + query("PAUSE")).empty());
  CHECK(client.console.ended());
  CHECK(client.done.empty());
}

TEST_CASE("bounds") {
  Client client;
  client.console.feed(as_bytes(query("PAUSE")));
  client.console.feed(as_bytes(std::string(Console::max_unread + 1, 'Q')));
  CHECK(client.console.ended());
  Client many;
  std::string stream;
  for (std::size_t i = 0; i <= Console::max_statements; ++i) {
    stream += parse("s" + std::to_string(i), "PAUSE");
  }
  const std::string answer = many.say(stream + sync);
  CHECK(answer.substr(answer.size() - 13) == "E(54000) Z(I)");
}

TEST_CASE("other messages") {
  Client client;
  CHECK(client.say("F\0\0\0\xe\0\0\0\1\0\0\0\0\0\0"s) == "E(0A000) Z(I)");
  CHECK(client.say("H\0\0\0\4"s + "c\0\0\0\4"s + "d\0\0\0\5x"s) == "");
  CHECK(client.say("Q\0\0\0\5x"s) == "E(08P01) Z(I)");  // no zero at the end
}

TEST_CASE("the greeting tells drivers what they look for") {
  Client client;
  client.console.greet();
  const std::string told = client.console.take_output();
  for (const std::string& part :
       {"server_version\0"s + "15.0 (heimproxy 1.2.3)\0"s, "client_encoding\0UTF8\0"s,
        "integer_datetimes\0on\0"s, "standard_conforming_strings\0on\0"s, "DateStyle\0ISO, MDY\0"s,
        "TimeZone\0Etc/UTC\0"s, "session_authorization\0joe\0"s}) {
    CHECK(told.find(part) != std::string::npos);
  }
}
