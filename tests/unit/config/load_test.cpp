#include "config/load.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "config/describe.hpp"
#include "config/json.hpp"
#include "config/schema.hpp"
#include "config/toml.hpp"
#include "files.hpp"

namespace heim::config::test {
namespace {

using namespace std::chrono_literals;

constexpr const char* one_node = R"(, "nodes": [ { "host": "db" } ] })";

LoadResult load_text(const std::string& json) { return load_json(json, "test.json", environment); }

const ConfigRow& row(const std::vector<ConfigRow>& rows, std::string_view key) {
  const auto at = std::ranges::find(rows, key, &ConfigRow::key);
  REQUIRE(at != rows.end());
  return *at;
}

/// {section: {name: value}, "nodes": [...]}
std::string document(std::string_view section, std::string_view name, Value value) {
  value.name = name;
  Value table(Value::Kind::table);
  table.name = section;
  table.items.push_back(std::move(value));
  Value root(Value::Kind::table);
  root.items.push_back(std::move(table));
  return write_json(root);
}

}  // namespace

TEST_CASE("the minimal file loads, warns and serves as it says" *
          doctest::skip(!toml_supported())) {
  const LoadResult result = load_file("minimal.toml");
  REQUIRE(result);
  const Settings& settings = result->settings;
  CHECK(settings.proxy.listen_address == std::vector<std::string>{"0.0.0.0:6432"});
  CHECK(settings.proxy.admin_address == "0.0.0.0:9090");
  CHECK(settings.auth.type == AuthType::relay);
  REQUIRE(settings.nodes.size() == 2);
  CHECK(settings.nodes[0] ==
        Node{"db-primary.internal:5432", "db-primary.internal", 5432, NodeRole::primary});
  CHECK(settings.nodes[1].role == NodeRole::standby);
  CHECK(result.warnings().size() == 2);
}

TEST_CASE("TOML and JSON of the same settings are equal" * doctest::skip(!toml_supported())) {
  const LoadResult toml = load_file("every-key.toml");
  const LoadResult json = load_file("every-key.json");
  REQUIRE(toml);
  REQUIRE(json);
  CHECK(toml->settings == json->settings);
  CHECK(toml->settings.databases[0].password.view() == "trou$ba dour");
  CHECK(toml->settings.timeouts.idle_transaction_timeout == 1500ms);
  CHECK(toml->settings.proxy.unix_socket_mode == 0770);
}

TEST_CASE("the file with every key has every key, each with another value than its default") {
  const LoadResult result = load_file("every-key.json");
  REQUIRE(result);
  std::set<std::string> given;
  for (const Origin& origin : result->origins) given.insert(origin.key);
  for (const Section& section : sections()) {
    const std::string path = std::string(section.name) + (section.list ? "[0]." : ".");
    for (const Key& key : section.keys) {
      if (key.name == "backend") continue;  // stands in the place of another, see backend.toml
      CAPTURE(path + std::string(key.name));
      CHECK(given.contains(path + std::string(key.name)));
    }
  }
  for (const ConfigRow& each : describe(result->settings)) {
    CAPTURE(each.key);
    CHECK(each.value != each.default_value);
  }
}

TEST_CASE("with backends for nodes, servers are not asked what only PostgreSQL knows") {
  const std::string nodes = R"("nodes": [ { "backend": "lite", "role": "primary" } ] })";
  const LoadResult result = load_text("{ " + nodes);
  REQUIRE(result);
  CHECK(result->settings.nodes[0].name == "lite");
  CHECK(result->settings.proxy.pool_mode == PoolMode::session);
  CHECK(result->settings.proxy.server_check_query.empty());
  const LoadResult other = load_text(
      R"({ "proxy": { "pool_mode": "transaction", "server_check_query": "ping" }, )" + nodes);
  REQUIRE(other);
  CHECK(other->settings.proxy.pool_mode == PoolMode::transaction);
  CHECK(other->settings.proxy.server_check_query == "ping");
  const LoadResult again = load_text(to_json(other->settings));
  REQUIRE(again);
  CHECK(again->settings == other->settings);
}

TEST_CASE("an empty environment and an empty object leave every default") {
  const LoadResult result = load_text(std::string(R"({ "proxy": {})") + one_node);
  REQUIRE(result);
  Settings expected;
  expected.nodes.push_back({"db:5432", "db", 5432, NodeRole::automatic});
  CHECK(result->settings == expected);
  CHECK(result->origins.size() == 1);
}

TEST_CASE("each of PgBouncer's names sets the same key, in its section and in [pgbouncer]") {
  const LoadResult every = load_file("every-key.json");
  REQUIRE(every);
  const auto wanted = describe(every->settings);
  int tried = 0;
  for (const Section& section : sections()) {
    for (const Key& key : section.keys) {
      const std::string flat = flat_name(section, key);
      if (section.list || !find_key(*find_section("pgbouncer"), flat).key) continue;
      const auto value = key.write(section.at(every->settings, 0), key.rule);
      const std::string path = std::string(section.name) + "." + std::string(key.name);
      CAPTURE(path);
      // Alone, some values lack what they need; what is read counts here.
      for (const std::string_view place : {std::string_view("pgbouncer"), section.name}) {
        const LoadResult result = load_text(document(place, flat, *value));
        REQUIRE(result->origins.size() == 1);
        CHECK(result->origins[0].key == path);
        CHECK(row(describe(result->settings), path).value == row(wanted, path).value);
        ++tried;
      }
    }
  }
  CHECK(tried > 100);
}

TEST_CASE("the settings of a pgbouncer.ini" * doctest::skip(!toml_supported())) {
  const LoadResult result = load_file("pgbouncer-names.toml");
  REQUIRE(result);
  const Settings& settings = result->settings;
  CHECK(settings.proxy.listen_address == std::vector<std::string>{"127.0.0.1:6433", "[::1]:6433"});
  CHECK(settings.auth.type == AuthType::md5);
  CHECK(settings.proxy.pool_size == 25);
  CHECK(settings.timeouts.query_wait_timeout == 90s);
  CHECK(settings.timeouts.idle_transaction_timeout == 500ms);
  CHECK(settings.timeouts.server_lifetime == 0s);
  CHECK(settings.proxy.tcp_user_timeout == 30s);
  CHECK_FALSE(settings.log.connections);
  CHECK(settings.client_tls.mode == SslMode::allow);
  CHECK(settings.client_tls.cert_file == "server.crt");
}

TEST_CASE("values come from the environment" * doctest::skip(!toml_supported())) {
  const LoadResult result = load_file("environment.toml");
  REQUIRE(result);
  const Settings& settings = result->settings;
  CHECK(settings.proxy.pool_size == 12);
  CHECK_FALSE(settings.proxy.tcp_keepalive);
  CHECK(settings.proxy.admin_users == std::vector<std::string>{"alice", "root"});
  CHECK(settings.proxy.max_prepared_bytes == 64u << 20);
  CHECK(settings.timeouts.query_timeout == 30s);
  CHECK(settings.nodes[0].host == "db.example");
  CHECK(settings.nodes[0].port == 5433);
  CHECK(settings.databases[0].password.view() == "s3cr$${et}");
  const Origin& first = result->origins[0];
  CHECK(first.key == "proxy.pool_size");
  CHECK(first.variable == "POOL");
  CHECK(first.line == 2);
}

TEST_CASE("strings of every kind" * doctest::skip(!toml_supported())) {
  const LoadResult result = load_file("quotes.toml");
  REQUIRE(result);
  const Proxy& proxy = result->settings.proxy;
  CHECK(proxy.server_check_query == R"(select 'ä', "é" -- # \)");
  CHECK(proxy.server_reset_query == "RESET ALL; -- \"ü\" \"\"\nSELECT 'a' AS \"\"\"x\"\"\" ");
  CHECK(proxy.unix_socket_dir == "/tmp/ß\"#");
  CHECK(proxy.admin_users == std::vector<std::string>{"root''", "ж\"\""});
}

TEST_CASE("a line may go on with a character beyond ASCII" * doctest::skip(!toml_supported())) {
  const LoadResult result = load_file("continued.toml");
  REQUIRE(result);
  CHECK(result->settings.proxy.server_check_query == "select '§'");
}

TEST_CASE("no diagnostic shows a secret") {
  std::vector<std::string> names = {"bad-syntax.json", "bad-secret-type.json"};
  if (toml_supported()) names.insert(names.end(), {"bad-secret.toml", "bad-secret-bare.toml"});
  for (const std::string& name : names) {
    const LoadResult result = load_file(name);
    REQUIRE_FALSE(result);
    const std::string text = to_text(result.errors()) + to_text(result.warnings());
    CAPTURE(text);
    for (const char* secret : {"hunter", "trus", "5550123"}) {
      CHECK(text.find(secret) == std::string::npos);
    }
  }
}

TEST_CASE("the type of login follows from what there is") {
  struct Case {
    const char* auth;
    AuthType type;
  };
  const Case cases[] = {
      {R"({})", AuthType::relay},
      {R"({"file": "users.txt"})", AuthType::scram_sha_256},
      {R"({"query": "select", "user": "u"})", AuthType::scram_sha_256},
      {R"({"hba_file": "hba.conf", "file": "users.txt"})", AuthType::hba},
      {R"({"type": "md5", "file": "users.txt"})", AuthType::md5},
      {R"({"type": "plain", "file": "users.txt"})", AuthType::password},
      {R"({"type": "trust"})", AuthType::trust},
  };
  for (const Case& each : cases) {
    const LoadResult result = load_text(std::string(R"({ "auth": )") + each.auth + one_node);
    CAPTURE(each.auth);
    REQUIRE(result);
    CHECK(result->settings.auth.type == each.type);
  }
}

TEST_CASE("listen_port moves the default address, and no other port") {
  const LoadResult moved = load_text(std::string(R"({ "proxy": {"listen_port": 7000})") + one_node);
  REQUIRE(moved);
  CHECK(moved->settings.proxy.listen_address == std::vector<std::string>{"127.0.0.1:7000"});
  const LoadResult mixed = load_text(
      std::string(R"({ "proxy": {"listen_port": 7000, "listen_address": ["[::1]", ":80"]})") +
      one_node);
  REQUIRE(mixed);
  CHECK(mixed->settings.proxy.listen_address ==
        std::vector<std::string>{"[::1]:7000", "0.0.0.0:80"});
}

TEST_CASE("the format follows from the name, else from the text") {
  const std::string json = R"({ "nodes": [ { "host": "db" } ] })";
  CHECK(load(json, "a.json", environment));
  CHECK(load("\n  " + json, "a", environment));
  CHECK_FALSE(load(json, "a.toml", environment));
  const std::string toml = "[[nodes]]\nhost = \"db\"\n";
  CHECK(static_cast<bool>(load(toml, "a.toml", environment)) == toml_supported());
  CHECK(static_cast<bool>(load(toml, "a.conf", environment)) == toml_supported());
  CHECK_FALSE(load(toml, "a.json", environment));
}

TEST_CASE("what is too much is refused, and complaints are bounded") {
  CHECK_FALSE(load_text(std::string(max_file_bytes + 1, ' ')));
  CHECK_FALSE(load_toml(std::string(max_file_bytes + 1, '\n'), "a.toml", environment));
  std::string many = R"({ "proxy": { "x": 1)";
  for (int i = 0; i < 500; ++i) many += ", \"x" + std::to_string(i) + "\": 1";
  CHECK(load_text(many + "} }").errors().size() == 100);
  for (int i = 0; i < 1000; ++i) many += ", \"y" + std::to_string(i) + "\": 1";
  CHECK(load_text(many + "} }").errors().size() == 1);
}

}  // namespace heim::config::test
