#include "config/describe.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "config/schema.hpp"
#include "config/toml.hpp"
#include "files.hpp"

namespace heim::config::test {
namespace {

/// Converts to whatever a field is, to count the fields of an aggregate.
struct Anything {
  template <class T>
  operator T() const {
    return {};
  }
};

template <class T, class... Fields>
constexpr std::size_t field_count() {
  if constexpr (requires { T{Fields{}..., Anything{}}; }) {
    return field_count<T, Fields..., Anything>();
  } else {
    return sizeof...(Fields);
  }
}

std::size_t key_count(std::string_view section) { return find_section(section)->keys.size(); }

}  // namespace

TEST_CASE("every field of the settings is in the schema") {
  CHECK(key_count("proxy") == field_count<Proxy>());
  CHECK(key_count("timeouts") == field_count<Timeouts>());
  CHECK(key_count("auth") == field_count<Auth>());
  CHECK(key_count("client_tls") == field_count<ClientTls>());
  CHECK(key_count("server_tls") == field_count<ServerTls>());
  CHECK(key_count("log") == field_count<Log>());
  CHECK(key_count("cluster") == field_count<Cluster>());
  CHECK(key_count("monitor") == field_count<Monitor>());
  CHECK(key_count("breaker") == field_count<Breaker>());
  CHECK(key_count("failover") == field_count<Failover>());
  CHECK(key_count("nodes") == field_count<Node>());
  CHECK(key_count("databases") == field_count<Database>());
  CHECK(key_count("users") == field_count<User>());
  CHECK(key_count("routing") == field_count<Routing>());
  CHECK(key_count("rules") == field_count<RouteRule>());
  CHECK(sections().size() == field_count<Settings>());
}

TEST_CASE("keys and PgBouncer's names are not ambiguous") {
  std::set<std::string> flat;
  for (const Section& section : sections()) {
    std::set<std::string_view> own;
    for (const Key& key : section.keys) {
      CAPTURE(key.name);
      CHECK(own.insert(key.name).second);
      if (!section.list) CHECK(flat.insert(flat_name(section, key)).second);
      CHECK(key.doc.ends_with('.'));
    }
  }
}

TEST_CASE("what is loaded comes back from JSON as it was") {
  for (const char* name : {"every-key.json", "local.toml", "minimal.toml", "environment.toml",
                           "doubtful.toml", "doubtful-embedded.toml", "pgbouncer-names.toml"}) {
    CAPTURE(name);
    if (std::string_view(name).ends_with(".toml") && !toml_supported()) continue;
    const LoadResult first = load_file(name);
    REQUIRE(first);
    const std::string json = to_json(first->settings, Secrets::plain);
    const LoadResult second = load_json(json, "dump.json", nullptr);
    CAPTURE(to_text(second.errors()));
    REQUIRE(second);
    CHECK(second->settings == first->settings);
  }
}

TEST_CASE("what is printed loads again" * doctest::skip(!toml_supported())) {
  for (const char* name : {"local.toml", "minimal.toml", "doubtful.toml", "pgbouncer-names.toml"}) {
    CAPTURE(name);
    const LoadResult first = load_file(name);
    REQUIRE(first);
    const LoadResult second = load_toml(print_config(*first), "printed.toml", nullptr);
    CAPTURE(to_text(second.errors()));
    REQUIRE(second);
    CHECK(second->settings == first->settings);
  }
}

TEST_CASE("the printed configuration says where each value came from" *
          doctest::skip(!toml_supported())) {
  const LoadResult result = load_file("environment.toml");
  REQUIRE(result);
  const std::string text = print_config(*result);
  CAPTURE(text);
  for (const char* line : {
           "pool_size = 12  # environment POOL, environment.toml:2\n",
           "workers = 0  # default\n",
           "host = \"db.example\"  # environment HOST, environment.toml:9\n",
           "name = \"db.example:5433\"  # default\n",
           "user = \"app\"  # environment.toml:13\n",
           "password = \"********\"  # environment PASSWORD, environment.toml:14\n",
       }) {
    CAPTURE(line);
    CHECK(text.find(line) != std::string::npos);
  }
}

TEST_CASE("a file name with a line end cannot break the printed configuration") {
  const LoadResult result =
      load_json(R"({ "nodes": [ { "host": "db" } ] })", "a\nworkers = 99", nullptr);
  REQUIRE(result);
  CHECK(print_config(*result).find("\nworkers = 99") == std::string::npos);
}

TEST_CASE("secrets are masked unless asked for") {
  const LoadResult result = load_file("every-key.json");
  REQUIRE(result);
  CHECK(to_json(result->settings).find("ba dour") == std::string::npos);
  CHECK(print_config(*result).find("ba dour") == std::string::npos);
  CHECK(to_json(result->settings, Secrets::plain).find("trou$ba dour") != std::string::npos);
}

TEST_CASE("SHOW CONFIG has names, values, defaults and what can change") {
  Settings settings;
  settings.proxy.pool_size = 33;
  settings.timeouts.query_timeout = std::chrono::milliseconds(250);
  settings.proxy.admin_users = {"a", "b"};
  const auto rows = describe(settings);
  const auto check = [&](std::string_view key, std::string_view name, std::string_view value,
                         std::string_view standard, bool changeable) {
    CAPTURE(key);
    const auto at = std::ranges::find(rows, key, &ConfigRow::key);
    REQUIRE(at != rows.end());
    CHECK(at->name == name);
    CHECK(at->value == value);
    CHECK(at->default_value == standard);
    CHECK(at->changeable == changeable);
  };
  check("proxy.pool_size", "default_pool_size", "33", "20", true);
  check("proxy.listen_address", "listen_addr", "127.0.0.1:6432", "127.0.0.1:6432", false);
  check("proxy.admin_users", "admin_users", "a, b", "", true);
  check("proxy.unix_socket_mode", "unix_socket_mode", "0777", "0777", false);
  check("proxy.tcp_keepalive", "tcp_keepalive", "true", "true", true);
  check("timeouts.query_timeout", "query_timeout", "250ms", "0s", true);
  check("auth.type", "auth_type", "relay", "relay", true);
  check("client_tls.mode", "client_tls_sslmode", "disable", "disable", true);
  check("log.level", "log_level", "info", "info", true);
}

TEST_CASE("what a reload cannot change is named") {
  const Settings old;
  Settings now;
  CHECK(not_reloadable_changes(old, now).empty());
  now.proxy.pool_size = 99;
  now.log.level = "debug";
  now.nodes.push_back({"a", "a", 1, NodeRole::primary});
  CHECK(not_reloadable_changes(old, now).empty());
  now.proxy.listen_address = {"127.0.0.1:1"};
  now.proxy.unix_socket_dir = "/tmp";
  now.proxy.admin_address = ":1";
  now.proxy.workers = 7;
  const std::vector<std::string> expected = {"proxy.listen_address", "proxy.unix_socket_dir",
                                             "proxy.admin_address", "proxy.workers"};
  CHECK(not_reloadable_changes(old, now) == expected);
}

TEST_CASE("docs/configuration.md holds the table of every section") {
  const std::string document = slurp(source_dir + "/docs/configuration.md");
  for (const Section& section : sections()) {
    const std::string table = documentation(section.name);
    INFO("this table belongs into the file:\n", table);
    CHECK(document.find(table) != std::string::npos);
  }
  CHECK(documentation("nothing").empty());
}

}  // namespace heim::config::test
