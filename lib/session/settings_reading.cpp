// Settings that a text is read with.
#include <algorithm>
#include <array>

#include "base/hash.hpp"
#include "session/settings.hpp"

namespace heim::session {
namespace {

using Items = std::vector<std::pair<std::string, std::string>>;

// What its names stand for; its literals, or its bytes, of which servers report some. Roles are set
// last: settings are the login role's to set.
constexpr std::array<std::string_view, 3> resolving{"search_path", "session_authorization", "role"};
constexpr std::array<std::string_view, 5> reported{"client_encoding", "datestyle", "intervalstyle",
                                                   "standard_conforming_strings", "timezone"};
constexpr std::array<std::string_view, 5> unreported{
    "array_nulls", "lc_monetary", "timezone_abbreviations", "transform_null_equals", "xmloption"};

template <class Names>
bool is_among(const Names& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// Of what is among these; 0 if nothing is.
template <class Names>
std::uint64_t hash_of(const Items& items, const Names& names) {
  std::string key;
  for (const auto& [name, value] : items) {
    if (is_among(names, fold(name))) ((key += name) += '\0') += value, key += '\0';
  }
  return key.empty() ? 0 : hash128(key, 0).low;
}

std::string to_default(std::string_view name) {
  return "SET LOCAL " + quote_identifier(name) + " TO DEFAULT";
}

// The value that a server reports; its names have capitals.
const std::string* reported_value(const SettingList& told, std::string_view name) {
  for (const auto& [parameter, value] : told.items) {
    if (fold(parameter) == name) return &value;
  }
  return nullptr;
}

}  // namespace

bool guides_parsing(std::string_view name) {
  return is_among(resolving, name) || is_among(reported, name) || guides_unreported(name);
}

bool guides_unreported(std::string_view name) { return is_among(unreported, name); }

void SettingList::hash_reading() {
  resolving = hash_of(items, session::resolving);
  reported = hash_of(items, session::reported);
  unreported = hash_of(items, session::unreported);
}

std::string reading_sql(const SettingList& list) {
  std::string sql = "SET LOCAL SESSION AUTHORIZATION DEFAULT;SET LOCAL ROLE NONE;";
  const auto set = [&](const auto& names) {
    for (const std::string_view name : names) {
      const std::string* value = list.find(name);
      const bool identity = name == "role" || name == "session_authorization";
      if (value) sql += set_statement(name, *value, true);
      if (!value && !identity) sql += to_default(name) + ";";
    }
  };
  set(unreported);
  set(reported);
  set(resolving);
  return sql;
}

// One SELECT each: its columns are computed in order.
ReadingApart reading_apart(const LiteralSettings* from, const LiteralSettings& to) {
  ReadingApart out;
  const auto change = [&](std::string_view name, const std::string* was, const std::string* is) {
    if (from && (is ? was && *was == *is : !was)) return;
    const std::string own = "'" + std::string(name) + "'";
    const std::string kept = "'heim." + std::string(name) + "'";
    const std::string value = is ? quote_literal(*is) : "NULL";  // which is the default
    const std::string current = "pg_catalog.current_setting(" + own + ")";
    (out.there += out.there.empty() ? "SELECT " : ",") +=
        "pg_catalog.set_config(" + kept + "," + current + ",true),pg_catalog.set_config(" + own +
        "," + value + ",true)";
    (out.back += out.back.empty() ? "SELECT " : ",") +=
        "pg_catalog.set_config(" + own + ",pg_catalog.current_setting(" + kept + "),true)";
  };
  for (const std::string_view name : reported) {
    const std::string* is = reported_value(*to.told, name);
    if (is) change(name, from ? reported_value(*from->told, name) : nullptr, is);
  }
  for (const std::string_view name : unreported) {
    change(name, from ? from->set->find(name) : nullptr, to.set->find(name));
  }
  return out;
}

}  // namespace heim::session
