// A Statement in one line, as the case files of tests/data/sql have it.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "sql/statement.hpp"

namespace heim::sql::test {

inline const char* const kinds[] = {
    "unknown", "empty",    "read",      "write",       "copy_in",     "copy_out",  "begin",
    "commit",  "rollback", "savepoint", "release",     "rollback_to", "two_phase", "set",
    "show",    "discard",  "prepare",   "execute",     "deallocate",  "listen",    "unlisten",
    "notify",  "declare",  "fetch",     "close",       "lock",        "explain",   "call",
    "block",   "load",     "ddl",       "maintenance", "other"};
static_assert(std::size(kinds) == static_cast<std::size_t>(Kind::other) + 1);

inline const char* const effect_names[] = {"settings",       "all_settings", "role",
                                           "suspicious",     "temp",         "hold",
                                           "advisory_lock",  "prepares",     "deallocates",
                                           "executes",       "listens",      "unlistens",
                                           "notifies",       "loads",        "advances_sequence",
                                           "reads_sequence", "seeds",        "changes_catalog",
                                           "lets_go",        "local",        "locks",
                                           "is_volatile",    "discards",     "transaction",
                                           "is_stable",      "local_role"};
static_assert(1u << (std::size(effect_names) - 1) == effect::local_role);

inline std::string render(Effects effects) {
  std::string out;
  for (std::size_t bit = 0; bit < std::size(effect_names); ++bit) {
    if (effects & (1u << bit)) (out += ' ') += effect_names[bit];
  }
  return out;
}

inline std::string render(const Name& name) {
  return name.schema.empty() ? name.name : name.schema + "." + name.name;
}
inline const std::string& render(const std::string& name) { return name; }

template <class T>
std::string render(const char* label, const std::vector<T>& values) {
  std::string out;
  for (const T& value : values) out += (out.empty() ? "" : ",") + render(value);
  return out.empty() ? out : std::string(" ") + label + "=" + out;
}

inline std::string render(const Statement& statement) {
  std::string out = kinds[static_cast<std::size_t>(statement.kind)] + render(statement.effects);
  if (!statement.name.empty()) out += " name=" + statement.name;
  out += render("settings", statement.settings) + render("executes", statement.executes) +
         render("reads", statement.reads) + render("writes", statement.writes) +
         render("functions", statement.functions);
  const std::pair<bool, const char*> flags[] = {{statement.read_only, "+read_only"},
                                                {statement.read_write, "+read_write"},
                                                {statement.serializable, "+serializable"},
                                                {statement.repeatable_read, "+repeatable_read"},
                                                {statement.chain, "+chain"}};
  for (const auto& [set, name] : flags) {
    if (set) (out += ' ') += name;
  }
  return out;
}

inline std::string render(const Script& script) {
  std::string out;
  for (const Statement& statement : script.statements) out += "  " + render(statement) + "\n";
  return out;
}

}  // namespace heim::sql::test
