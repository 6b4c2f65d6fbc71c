// Run-time parameters of the console's make-believe server: what drivers ask for.
#include <algorithm>

#include "admin/command.hpp"

namespace heim::admin {
namespace {

struct Parameter {
  std::string_view name, value;
};

constexpr Parameter parameters[] = {
    {"bytea_output", "hex"},
    {"client_encoding", "UTF8"},
    {"datestyle", "ISO, MDY"},
    {"default_transaction_isolation", "read committed"},
    {"default_transaction_read_only", "off"},
    {"in_hot_standby", "off"},
    {"integer_datetimes", "on"},
    {"intervalstyle", "postgres"},
    {"is_superuser", "off"},
    {"lc_collate", "C"},
    {"lc_ctype", "C"},
    {"max_identifier_length", "63"},
    {"search_path", ""},
    {"server_encoding", "UTF8"},
    {"server_version_num", "150000"},
    {"standard_conforming_strings", "on"},
    {"statement_timeout", "0"},
    {"timezone", "Etc/UTC"},
    {"transaction_isolation", "read committed"},
    {"transaction_read_only", "off"},
};

}  // namespace

std::string server_version(const Identity& identity) {
  return "15.0 (heimproxy " + identity.version + ")";
}

Cell parameter(std::string_view name, const Identity& identity) {
  if (name == "server_version") return server_version(identity);
  if (name == "session_authorization") return identity.user;
  const auto* found = std::ranges::find(parameters, name, &Parameter::name);
  if (found == std::end(parameters)) return {};
  return std::string(found->value);
}

}  // namespace heim::admin
