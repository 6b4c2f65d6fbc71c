// Which texts are about the session alone, and what they say.
#include "backend/session_text.hpp"

#include <doctest/doctest.h>

#include "session/settings.hpp"

namespace heim::backend {
namespace {

using Kind = SessionAct::Kind;

// "set name=value; reset_all"
std::string said(std::string_view sql) {
  constexpr std::string_view words[] = {"set",        "set_config",     "reset",
                                        "reset_all",  "show",           "discard_all",
                                        "deallocate", "deallocate_all", "nothing"};
  const auto acts = read_session_text(sql);
  if (!acts) return "not ours";
  std::string out;
  for (const SessionAct& act : *acts) {
    if (!out.empty()) out += "; ";
    out += words[static_cast<std::size_t>(act.kind)];
    if (!act.name.empty()) out += " " + act.name;
    if (act.kind == Kind::set || act.kind == Kind::set_config) out += "=" + act.value;
  }
  return out;
}

struct Case {
  std::string_view sql, said;
};

constexpr Case cases[] = {
    {"SET a = 1", "set a=1"},
    {"set Session \"A\" TO 'it''s';", "set a=it's"},
    {"SET a.b = -1.5", "set a.b=-1.5"},
    {"SET search_path = x, \"Y\", 'z'", "set search_path=x, Y, z"},
    {"SET a = E'x\\x41\\'\\\\'", "set a=xA'\\"},
    {"SET a TO DEFAULT", "reset a"},
    {"SET TIME ZONE 'UTC'", "set timezone=UTC"},
    {"SET NAMES 'utf8'", "set client_encoding=utf8"},
    {"/* a */ RESET a; -- b\n; RESET ALL", "reset a; reset_all"},
    {"RESET SESSION AUTHORIZATION;RESET ROLE;RESET ALL;", "nothing; nothing; reset_all"},
    {"RESET \"my\".\"own\";", "reset my.own"},
    {"SELECT pg_catalog.set_config(E'a',E'b',false),pg_catalog.set_config('C','',false)",
     "set_config a=b; set_config c="},
    {"SHOW a", "show a"},
    {"DISCARD ALL", "discard_all"},
    {"DEALLOCATE ALL; DEALLOCATE PREPARE x", "deallocate_all; deallocate x"},
    {"", "not ours"},
    {"SET LOCAL a = 1", "not ours"},
    {"SET TRANSACTION READ ONLY", "not ours"},
    {"SET ROLE x", "not ours"},
    {"SET a = 1; SELECT 1", "not ours"},
    {"SET a = 1 2", "not ours"},
    {"SET a =", "not ours"},
    {"SET a = 'open", "not ours"},
    {"SET a = f(1)", "not ours"},
    {"SELECT set_config('a', 'b', true)", "not ours"},
    {"SELECT set_config('a', $1, false)", "not ours"},
    {"SELECT set_config('a', 'b', false) FROM x", "not ours"},
    {"SELECT 1", "not ours"},
    {"DISCARD TEMP", "not ours"},
    {"SHOW TRANSACTION ISOLATION LEVEL", "not ours"},
};

}  // namespace

TEST_CASE("texts about the session alone are read, others are not") {
  for (const Case& each : cases) {
    CAPTURE(each.sql);
    CHECK(said(each.sql) == each.said);
  }
}

TEST_CASE("every beginning of such a text is read to its end") {
  for (const Case& each : cases) {
    for (std::size_t i = 0; i < each.sql.size(); ++i) (void)said(each.sql.substr(0, i));
  }
}

TEST_CASE("what the engine writes to bring a server to a client's settings is understood") {
  session::SettingTable table;
  const auto from = table.intern({{"a", "1"}, {"b", "2"}, {"datestyle", "ISO"}});
  const auto to = table.intern({{"a", "x'\\\n\xc3\xa4"}, {"datestyle", "SQL"}, {"my.own", ""}});
  for (const session::SettingList* each :
       {from.get(), static_cast<const session::SettingList*>(nullptr)}) {
    const std::string sql = session::sync_sql(each, *to);
    const auto acts = read_session_text(sql);
    CAPTURE(sql);
    REQUIRE(acts);
    std::size_t set = 0;
    for (const SessionAct& act : *acts) {
      if (act.kind != Kind::set_config) continue;
      REQUIRE(to->find(act.name));
      CHECK(act.value == *to->find(act.name));
      ++set;
    }
    CHECK(set == 3);
  }
}

TEST_CASE("an empty text has no statement") {
  CHECK(is_empty_text(" ; /* x */ ;\n-- y"));
  CHECK(!is_empty_text("; 1"));
}

TEST_CASE("parameters keep what is set, and refuse what cannot be kept") {
  Parameters parameters;
  CHECK(*parameters.find("client_encoding") == "UTF8");
  CHECK(!parameters.find("my.own"));
  CHECK(*parameters.set("my.own", "1") == "1");
  CHECK(*parameters.find("my.own") == "1");
  CHECK(*parameters.set("client_encoding", "utf-8") == "UTF8");
  CHECK(*parameters.set("client_encoding", "'Utf_8'") == "UTF8");
  CHECK(parameters.set("client_encoding", "LATIN1").error().sqlstate == "22023");
  CHECK(parameters.set("standard_conforming_strings", "off").error().sqlstate == "22023");
  CHECK(*parameters.set("datestyle", "iso") == "ISO, MDY");
  CHECK(*parameters.set("timezone", "Asia/Tokyo") == "Asia/Tokyo");
  CHECK(parameters.reset_all() == std::vector<std::string>{"timezone"});
  CHECK(!parameters.find("my.own"));
  CHECK(Parameters::reported_name("timezone") == "TimeZone");
  CHECK(Parameters::reported_name("my.own").empty());
}

}  // namespace heim::backend
