#include "control/discovery.hpp"

#include "config/address.hpp"
#include "config/json.hpp"

namespace heim::control {
namespace {

using config::Value;

const Value* entry(const Value& table, std::string_view name) {
  for (const Value& each : table.items) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

std::string text(const Value& table, std::string_view name) {
  const Value* found = entry(table, name);
  return found && found->kind == Value::Kind::text ? found->text : std::string();
}

cluster::Role role_of(const std::string& role) {
  if (role == "leader" || role == "master" || role == "primary") return cluster::Role::primary;
  return cluster::Role::standby;  // replica, sync_standby, quorum_standby, standby_leader
}

Error odd(std::string message) { return {"08P01", "Patroni: " + std::move(message), {}, {}}; }

}  // namespace

std::optional<Found> found_by_sender(const Sender& sender, std::string_view pattern) {
  std::string out;
  while (!pattern.empty()) {
    const std::size_t open = pattern.find('{');
    out += pattern.substr(0, open);
    if (open == std::string_view::npos) break;
    const std::size_t close = pattern.find('}', open);
    if (close == std::string_view::npos) return std::nullopt;
    const std::string_view key = pattern.substr(open + 1, close - open - 1);
    const std::string& value = key == "client_addr"       ? sender.client_addr
                               : key == "client_hostname" ? sender.client_hostname
                                                          : sender.application_name;
    if (value.empty()) return std::nullopt;
    const bool v6 = key == "client_addr" && value.find(':') != std::string::npos;
    out += v6 ? '[' + value + ']' : value;
    pattern.remove_prefix(close + 1);
  }
  const auto address = config::parse_address(out, 5432);
  if (!address) return std::nullopt;
  return Found{{}, address->host, address->port, cluster::Role::standby};
}

Result<std::vector<Found>> found_by_patroni(std::string_view json) {
  const config::Parsed parsed = config::parse_json(json);
  const auto* whole = std::get_if<Value>(&parsed);
  if (!whole) return odd("the answer is no JSON");
  const Value* members = entry(*whole, "members");
  if (!members || members->kind != Value::Kind::list) return odd("the answer lists no members");
  std::vector<Found> found;
  for (const Value& member : members->items) {
    const std::string state = text(member, "state");
    const Value* port = entry(member, "port");
    Found node{text(member, "name"), text(member, "host"), 5432, role_of(text(member, "role"))};
    if (node.host.empty() || (state != "running" && state != "streaming")) continue;
    if (port && port->kind == Value::Kind::integer && port->integer > 0 && port->integer < 65536)
      node.port = static_cast<std::uint16_t>(port->integer);
    found.push_back(std::move(node));
  }
  return found;
}

}  // namespace heim::control
