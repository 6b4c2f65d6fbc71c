#include "session/settings.hpp"

#include <algorithm>

#include "base/hash.hpp"
#include "wire/encoder.hpp"

namespace heim::session {
namespace {

std::string key_of(const std::vector<std::pair<std::string, std::string>>& items) {
  std::string key;
  for (const auto& [name, value] : items) ((key += name) += '\0') += value, key += '\0';
  return key;
}

void hex_escape(std::string& out, unsigned char byte) {
  static constexpr char digits[] = "0123456789abcdef";
  out += "\\x";
  out += digits[byte >> 4];
  out += digits[byte & 15];
}

// a.b -> "a"."b"
std::string quote_name(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '.') {
      out += "\".\"";
    } else {
      if (c == '"') out += c;
      out += c;
    }
  }
  return out += '"';
}

}  // namespace

// E'...' reads the same with standard_conforming_strings on and off; bytes outside ASCII are
// escaped, since in some client encodings a backslash can be half of a character.
std::string quote_literal(std::string_view value) {
  std::string out = "E'";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 || byte < 0x20) {
      hex_escape(out, byte);
    } else {
      if (c == '\'' || c == '\\') out += c;
      out += c;
    }
  }
  return out += '\'';
}

std::string quote_identifier(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out += c;
    out += c;
  }
  return out += '"';
}

std::string fold(std::string_view name) {
  std::string out(name);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

std::string setting_name(std::string_view name) {
  return name.find('.') == name.npos ? fold(name) : std::string(name);
}

const std::string* SettingList::find(std::string_view name) const {
  const auto it =
      std::lower_bound(items.begin(), items.end(), name,
                       [](const auto& item, std::string_view n) { return item.first < n; });
  return it != items.end() && it->first == name ? &it->second : nullptr;
}

Settings SettingTable::intern(std::vector<std::pair<std::string, std::string>> items) {
  std::stable_sort(items.begin(), items.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  // Of equal names the last one counts.
  std::vector<std::pair<std::string, std::string>> unique;
  for (auto& item : items) {
    if (!unique.empty() && unique.back().first == item.first) unique.pop_back();
    unique.push_back(std::move(item));
  }
  std::string key = key_of(unique);
  auto& slot = table_[key];
  if (auto found = slot.lock()) return found;
  auto made = std::make_shared<SettingList>();
  made->items = std::move(unique);
  made->hash_reading();
  for (const auto& [name, value] : made->items) wire::parameter_status(made->wire, name, value);
  slot = made;
  if (table_.size() > sweep_at_) {
    std::erase_if(table_, [](const auto& entry) { return entry.second.expired(); });
    sweep_at_ = std::max<std::size_t>(1024, 2 * table_.size());
  }
  return made;
}

Settings SettingTable::with(const Settings& base, std::string_view name, std::string_view value) {
  const std::string* old = base->find(name);
  if (old && *old == value) return base;
  auto items = base->items;
  items.emplace_back(name, value);
  return intern(std::move(items));
}

Settings SettingTable::without(const Settings& base, std::string_view name) {
  if (!base->find(name)) return base;
  auto items = base->items;
  std::erase_if(items, [&](const auto& item) { return item.first == name; });
  return intern(std::move(items));
}

bool is_settable(std::string_view name) {
  static constexpr std::string_view names[] = {"application_name",
                                               "client_encoding",
                                               "datestyle",
                                               "default_transaction_read_only",
                                               "intervalstyle",
                                               "search_path",
                                               "standard_conforming_strings",
                                               "timezone"};
  const std::string folded = fold(name);
  return std::find(std::begin(names), std::end(names), folded) != std::end(names);
}

namespace {

bool is_identity(std::string_view name) {
  return name == "role" || name == "session_authorization";
}

// Whether it has another value, or none any more.
bool difference_of(const SettingList* from, const SettingList& to, std::string_view name) {
  const std::string* was = from ? from->find(name) : nullptr;
  const std::string* is = to.find(name);
  return !was != !is || (was && *was != *is);
}

bool has_identity(const SettingList& list) {
  return list.find("role") || list.find("session_authorization");
}

// What `to` has not.
std::string undo_sql(const SettingList& from, const SettingList& to) {
  std::string sql;
  for (const auto& [name, value] : from.items) {
    if (is_statement_item(name) || is_identity(name)) continue;
    // 'SQL' alone leaves the order of day and month as it is.
    const std::string* next = to.find(name);
    const bool adds = next && name == "datestyle" && next->find(',') == std::string::npos;
    if (next && (!adds || *next == value)) continue;
    (sql += "RESET ") += quote_name(name) + ";";
  }
  return sql;
}

void add_set(std::string& sql, bool& first, std::string_view name, std::string_view value,
             std::string_view until_end = "false") {
  sql += first ? "SELECT pg_catalog.set_config(" : ",pg_catalog.set_config(";
  sql += quote_literal(name) + "," + quote_literal(value) + ",";
  (sql += until_end) += ")";
  first = false;
}

// What `from` has not, or has otherwise.
std::string set_sql(const SettingList* from, const SettingList& to, bool& first) {
  std::string sql;
  for (const auto& [name, value] : to.items) {
    if (is_statement_item(name) || is_identity(name)) continue;
    const std::string* has = from ? from->find(name) : nullptr;
    if (!has || *has != value) add_set(sql, first, name, value);
  }
  return sql;
}

}  // namespace

std::string statement_item(std::string_view name) { return std::string("\x01").append(name); }

std::string sync_sql(const SettingList* from, const SettingList& to) {
  const std::string undo = from ? undo_sql(*from, to) : std::string();
  bool first = true;
  std::string set = set_sql(from, to, first);
  const bool moves = !from || !undo.empty() || !set.empty() || difference_of(from, to, "role") ||
                     difference_of(from, to, "session_authorization");
  if (!moves) return {};
  // Settings are the login role's to set: roles go first and come back last.
  for (const char* const name : {"session_authorization", "role"}) {
    if (const std::string* value = to.find(name)) add_set(set, first, name, *value);
  }
  std::string sql;
  if (!from || has_identity(*from)) sql = "RESET SESSION AUTHORIZATION;RESET ROLE;";
  if (!from) sql += "RESET ALL;";  // which leaves the role and the session's user as they are
  return sql + undo + set;
}

namespace {

// One name of such a list, with the quotes that it may have; empty where the list is malformed.
std::string_view next_name(std::string_view list) {
  if (!list.starts_with('"')) return list.substr(0, list.find_first_of(", \t\n\r\f\v"));
  std::size_t end = 1;
  for (; end < list.size(); ++end) {
    if (list[end] != '"') continue;
    if (end + 1 >= list.size() || list[end + 1] != '"') return list.substr(0, end + 1);
    ++end;
  }
  return {};
}

std::string bare(std::string_view name) {
  if (!name.starts_with('"')) return fold(name);
  std::string out;
  for (std::size_t i = 1; i + 1 < name.size(); ++i) {
    out += name[i];
    if (name[i] == '"') ++i;
  }
  return out;
}

// A list of names, as literals: 'a','b'. Nothing where it is none: who has set it thus is told.
// https://www.postgresql.org/docs/15/runtime-config-client.html: "separated by commas"
std::optional<std::string> literals(std::string_view list) {
  constexpr std::string_view space = " \t\n\r\f\v";
  const auto skip = [&] {
    list.remove_prefix(std::min(list.find_first_not_of(space), list.size()));
  };
  std::string out;
  for (skip(); !list.empty(); skip()) {
    const std::string_view name = next_name(list);
    if (name.empty()) return std::nullopt;
    (out += out.empty() ? "" : ",") += quote_literal(bare(name));
    list.remove_prefix(name.size());
    skip();
    if (list.empty()) break;
    if (list.front() != ',') return std::nullopt;
    list.remove_prefix(1);
  }
  return out.empty() ? "''" : out;
}

}  // namespace

std::string set_statement(std::string_view name, std::string_view value, bool local) {
  const bool is_list = name == "search_path" || name == "temp_tablespaces";
  const auto right = is_list ? literals(value) : quote_literal(value);
  if (right) return (local ? "SET LOCAL " : "SET ") + quote_name(name) + "=" + *right + ";";
  bool first = true;
  std::string sql;
  add_set(sql, first, name, value, local ? "true" : "false");
  return sql + ";";
}

std::string set_unless_set(const SettingList& wanted, const SettingList& now) {
  std::string rows;
  for (const auto& [name, value] : wanted.items) {
    const std::string* set = now.find(name);
    // A setting that nobody declared is empty where it is not set, and may be set to that.
    const bool is_empty = set && set->empty();
    if (is_empty || name == "role" || name == "session_authorization") continue;
    (rows += rows.empty() ? "(" : ",(") += quote_literal(name) + "," + quote_literal(value) + ")";
  }
  if (rows.empty()) return {};
  const std::string body =
      "BEGIN PERFORM pg_catalog.set_config(w.name,w.value,false)FROM(VALUES" + rows +
      ")w(name,value)WHERE NOT EXISTS(SELECT FROM pg_catalog.pg_settings s WHERE "
      "pg_catalog.lower(s.name)OPERATOR(pg_catalog.=)w.name AND s.source "
      "OPERATOR(pg_catalog.=)'session')AND COALESCE(pg_catalog.current_setting("
      "w.name,true),'')OPERATOR(pg_catalog.=)CASE WHEN pg_catalog.strpos(w.name,'.')"
      "OPERATOR(pg_catalog.=)0 THEN COALESCE(pg_catalog.current_setting(w.name,true),'')"
      "ELSE''END;END";
  return "DO " + quote_literal(body) + ";";
}

std::vector<std::string> sync_deallocates(const SettingList* from, const SettingList& to) {
  std::vector<std::string> texts;
  if (!from) return texts;
  for (const auto& [name, value] : from->items) {
    if (!is_statement_item(name)) break;  // they stand first
    const std::string* kept = to.find(name);
    if (kept && *kept == value) continue;
    texts.push_back("DEALLOCATE " + quote_identifier(std::string_view(name).substr(1)));
  }
  return texts;
}

std::vector<std::string_view> sync_prepares(const SettingList* from, const SettingList& to) {
  std::vector<std::string_view> texts;
  for (const auto& [name, value] : to.items) {
    if (!is_statement_item(name)) break;  // they stand first
    const std::string* has = from ? from->find(name) : nullptr;
    if (!has || *has != value) texts.push_back(value);
  }
  return texts;
}

std::size_t difference(const SettingList& from, const SettingList& to) {
  std::size_t count = 0;
  for (const auto& [name, value] : from.items) count += !to.find(name);
  for (const auto& [name, value] : to.items) {
    const std::string* has = from.find(name);
    count += !has || *has != value;
  }
  return count;
}

namespace {

bool may_name_setting(std::string_view name) { return !name.empty() && !is_statement_item(name); }

// Words as PostgreSQL splits them: a backslash takes the next byte as it is.
std::vector<std::string> split_words(std::string_view options) {
  std::vector<std::string> words;
  std::string word;
  bool open = false;
  for (std::size_t i = 0; i < options.size(); ++i) {
    const char c = options[i];
    if (std::string_view(" \t\n\r\v\f").find(c) != std::string_view::npos) {
      if (open) words.push_back(std::move(word));
      word.clear();
      open = false;
      continue;
    }
    open = true;
    word += c == '\\' && i + 1 < options.size() ? options[++i] : c;
  }
  if (open) words.push_back(std::move(word));
  return words;
}

Error invalid_argument(const std::string& word) {
  return {"42601",
          "invalid command-line argument for server process: " + word,
          {},
          "Try \"postgres --help\" for more information."};
}

// A word that is neither -c nor --name: a switch of PostgreSQL's that we do not pass on, or a
// mistake.
Error odd_word(const std::string& word, bool last, std::string_view options) {
  static constexpr std::string_view with_value = "BCDdfhkNprStvW";
  static constexpr std::string_view alone = "bEeFijlnOPsT";
  const char letter = word.size() > 1 && word[0] == '-' ? word[1] : '?';
  const bool takes = with_value.find(letter) != std::string_view::npos;
  const bool lacks = takes && word.size() == 2 && last;
  if (lacks || (!takes && alone.find(letter) == std::string_view::npos)) {
    return invalid_argument(word);
  }
  return {"22023",
          "cannot pass on the startup parameter \"options\": " + std::string(options),
          {},
          "Only -c name=value and --name=value are understood."};
}

}  // namespace

Result<void> parse_options(std::string_view options,
                           std::vector<std::pair<std::string, std::string>>& out) {
  const std::vector<std::string> words = split_words(options);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool last = i + 1 == words.size();
    if (words[i] == "--") return last ? Result<void>() : invalid_argument(words[i + 1]);
    std::string_view assignment = words[i];
    const bool is_long = assignment.starts_with("--");
    if (words[i] == "-c") {
      if (last) return invalid_argument(words[i]);
      assignment = words[++i];
    } else if (is_long || assignment.starts_with("-c")) {
      assignment.remove_prefix(2);
    } else {
      return odd_word(words[i], last, options);
    }
    const std::size_t equal = assignment.find('=');
    if (equal == std::string_view::npos) {
      return Error{"42601",
                   (is_long ? "--" : "-c ") + std::string(assignment) + " requires a value",
                   {},
                   {}};
    }
    if (!may_name_setting(assignment.substr(0, equal))) {
      return Error{"42704",
                   "unrecognized configuration parameter \"" +
                       std::string(assignment.substr(0, equal)) + "\"",
                   {},
                   {}};
    }
    std::string name = setting_name(assignment.substr(0, equal));
    std::replace(name.begin(), name.end(), '-', '_');
    out.emplace_back(std::move(name), assignment.substr(equal + 1));
  }
  return {};
}

}  // namespace heim::session
