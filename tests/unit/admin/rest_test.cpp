#include "admin/rest.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace heim;
using namespace heim::admin;

namespace {

struct Desk final : RestDesk {
  bool ready = true;
  std::string ran;
  Error error;
  bool is_ready() const override { return ready; }
  Result<void> run(const Command& command) override {
    constexpr const char* what[] = {"all", "database", "table", "like", "query"};
    CHECK(command.verb == Verb::invalidate);
    ran = what[static_cast<int>(command.invalidate)];
    for (const std::string& part : {command.name, command.table, command.sql}) ran += "|" + part;
    if (error.sqlstate.empty()) return {};
    return error;
  }
};

HttpRequest invalidate(std::string_view body) {
  return {.method = "POST",
          .path = "/cache/invalidate",
          .host = "127.0.0.1:9090",
          .content_type = "application/json",
          .body = body,
          .local = true};
}

}  // namespace

TEST_CASE("health, by method, path and state") {
  struct Row {
    const char *method, *path;
    bool ready;
    unsigned status;
  };
  const Row rows[] = {
      {"GET", "/health", true, 200},
      {"GET", "/livez", true, 200},
      {"GET", "/readyz", true, 200},
      {"HEAD", "/health", true, 200},
      {"GET", "/api/v1/health", true, 200},
      {"GET", "/api/v1/readyz", false, 503},
      {"GET", "/health", false, 503},
      {"GET", "/readyz", false, 503},
      {"GET", "/livez", false, 200},
      {"DELETE", "/health", true, 405},
      {"POST", "/health", true, 405},
      {"GET", "/cache/invalidate", true, 405},
      {"GET", "/", true, 404},
      {"GET", "", true, 404},
      {"GET", "/api/v1", true, 404},
      {"GET", "/health/", true, 404},
      {"GET", "/api/v1/api/v1/health", true, 404},
  };
  Desk desk;
  for (const Row& row : rows) {
    CAPTURE(row.method);
    CAPTURE(row.path);
    desk.ready = row.ready;
    const HttpAnswer answer = rest(desk, {.method = row.method, .path = row.path});
    CHECK(answer.status == row.status);
    CHECK(answer.type == (row.status == 200 ? "application/json" : "application/problem+json"));
    CHECK((answer.status == 405) == !answer.allow.empty());
  }
  CHECK(desk.ran.empty());
}

TEST_CASE("what is to be made void, by its body") {
  struct Row {
    const char *body, *ran;
  };
  const Row rows[] = {
      {R"({"all": true})", "all|||"},
      {R"({"database": "shop"})", "database|shop||"},
      {R"({"table": "Items"})", "table||Items|"},
      {R"({"database": "shop", "table": "items"})", "table|shop|items|"},
      {R"({"like": "item%"})", "like||item%|"},
      {R"({"like": "item%", "database": "shop"})", "like|shop|item%|"},
      {R"({"query": "select 'a;b'"})", "query|||select 'a;b'"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.body);
    Desk desk;
    CHECK(rest(desk, invalidate(row.body)).status == 200);
    CHECK(desk.ran == row.ran);
  }
  for (const char* body : {"",
                           "{",
                           "{}",
                           "[]",
                           "null",
                           "true",
                           "\"all\"",
                           R"({"all": false})",
                           R"({"all": 1})",
                           R"({"all": true, "table": "a"})",
                           R"({"table": "a", "all": true})",
                           R"({"all": true, "database": "a"})",
                           R"({"table": "a", "like": "b"})",
                           R"({"table": ""})",
                           R"({"table": 1})",
                           R"({"table": ["a"]})",
                           R"({"tables": "a"})",
                           R"({"query": "a", "database": "b"})",
                           R"({"query": "a", "table": "b"})",
                           R"({"database": null})",
                           R"({"table": "a"} x)",
                           "{\"table\": \"\xff\"}"}) {
    CAPTURE(body);
    Desk desk;
    const HttpAnswer answer = rest(desk, invalidate(body));
    CHECK(answer.status == 400);
    CHECK(answer.body.find("\"sqlstate\":\"42601\"") != std::string::npos);
    CHECK(desk.ran.empty());
  }
}

TEST_CASE("what the engine refuses has a status") {
  struct Row {
    const char* sqlstate;
    unsigned status;
  };
  for (const Row& row : {Row{"3D000", 404}, Row{"42P01", 404}, Row{"42601", 400}, Row{"57P03", 503},
                         Row{"57014", 503}, Row{"XX000", 500}}) {
    Desk desk;
    desk.error = {row.sqlstate, "no \xff such", {}, "look"};
    const HttpAnswer answer = rest(desk, invalidate(R"({"all": true})"));
    CAPTURE(answer.body);
    CHECK(answer.status == row.status);
    CHECK(answer.body.find(row.sqlstate) != std::string::npos);
    CHECK(answer.body.find("\"hint\":\"look\"") != std::string::npos);
  }
}

TEST_CASE("who may change something") {
  struct Row {
    const char *host, *type;
    bool local;
    unsigned status;
  };
  const Row rows[] = {
      {"127.0.0.1:9090", "application/json", true, 200},
      {"127.0.0.1", "application/json; charset=utf-8", true, 200},
      {"localhost:9090", "application/json", true, 200},
      {"[::1]:9090", "application/json", true, 200},
      {"127.0.0.1:9090", "application/json", false, 403},
      {"evil.example:9090", "application/json", true, 403},
      {"localhost.evil.example", "application/json", true, 403},
      {"127.0.0.1.evil.example", "application/json", true, 403},
      {"", "application/json", true, 403},
      {"127.0.0.1:9090", "text/plain", true, 415},
      {"127.0.0.1:9090", "application/jsonp", true, 415},
      {"127.0.0.1:9090", "", true, 415},
  };
  for (const Row& row : rows) {
    CAPTURE(row.host);
    CAPTURE(row.type);
    Desk desk;
    HttpRequest request = invalidate(R"({"all": true})");
    request.host = row.host;
    request.content_type = row.type;
    request.local = row.local;
    CHECK(rest(desk, request).status == row.status);
    CHECK(desk.ran.empty() == (row.status != 200));
  }
}
