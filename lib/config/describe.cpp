#include "config/describe.hpp"

#include <algorithm>
#include <map>

#include "config/expand.hpp"
#include "config/json.hpp"
#include "config/schema.hpp"
#include "config/text.hpp"

namespace heim::config {
namespace {

using Kind = Value::Kind;

constexpr std::string_view mask = "********";

std::optional<Value> value_of(const Key& key, const void* object, Secrets secrets) {
  auto value = key.write(object, key.rule);
  const bool hide = value && key.secret && secrets == Secrets::masked && !value->text.empty();
  if (hide) value->text = mask;
  return value;
}

/// For a column: no quotes.
std::string plain(const std::optional<Value>& value) {
  if (!value) return {};
  switch (value->kind) {
    case Kind::boolean:
      return value->boolean ? "true" : "false";
    case Kind::integer:
      return std::to_string(value->integer);
    case Kind::list: {
      std::vector<std::string> parts;
      for (const Value& item : value->items) parts.push_back(item.text);
      return join(parts, ", ");
    }
    default:
      return value->text;
  }
}

/// For a file: what loads again to the same.
std::string literal(const Value& value) {
  if (value.kind == Kind::text) return quoted(escape_dollars(value.text));
  if (value.kind != Kind::list) return plain(value);
  std::vector<std::string> parts;
  for (const Value& item : value.items) parts.push_back(literal(item));
  return "[" + join(parts, ", ") + "]";
}

void escape_all(Value& value) {
  if (value.kind == Kind::text) value.text = escape_dollars(value.text);
  for (Value& item : value.items) escape_all(item);
}

/// An entry of a list shows only what it was given: everything else there means "as elsewhere".
bool is_unset(const Section& section, const std::optional<Value>& value) {
  return !value || (section.list && value->kind == Kind::text && value->text.empty());
}

Value table_of(const Section& section, const void* object, Secrets secrets) {
  Value table(Kind::table);
  for (const Key& key : section.keys) {
    auto value = value_of(key, object, secrets);
    if (is_unset(section, value)) continue;
    escape_all(*value);
    value->name = key.name;
    table.items.push_back(std::move(*value));
  }
  return table;
}

class Printer {
 public:
  explicit Printer(const Loaded& loaded) : loaded_(loaded) {
    for (const Origin& origin : loaded.origins) origins_.emplace(origin.key, &origin);
  }

  std::string print() {
    for (const Section& section : sections()) {
      for (std::size_t i = 0; i < section.size(loaded_.settings); ++i) table(section, i);
    }
    return std::move(out_);
  }

 private:
  void table(const Section& section, std::size_t index) {
    const std::string name(section.name);
    if (!out_.empty()) out_ += "\n";
    out_ += section.list ? "[[" + name + "]]\n" : "[" + name + "]\n";
    const std::string path = section.list ? name + "[" + std::to_string(index) + "]" : name;
    const void* object = section.at(loaded_.settings, index);
    for (const Key& key : section.keys) {
      const auto value = value_of(key, object, Secrets::masked);
      if (is_unset(section, value)) continue;
      out_ += std::string(key.name) + " = " + literal(*value) + "  # " +
              origin(path + "." + std::string(key.name)) + "\n";
    }
  }

  std::string origin(const std::string& key) const {
    const auto at = origins_.find(key);
    if (at == origins_.end()) return "default";
    const Origin& from = *at->second;
    // A comment must not end early, whatever the file is called.
    std::string place = from.file;
    std::ranges::replace_if(
        place,
        [](char c) {
          return has_control({&c, 1}, false);
        },
        '?');
    place += ":" + std::to_string(from.line);
    return from.variable.empty() ? place : "environment " + from.variable + ", " + place;
  }

  const Loaded& loaded_;
  std::map<std::string, const Origin*> origins_;
  std::string out_;
};

}  // namespace

std::vector<ConfigRow> describe(const Settings& settings) {
  const Settings defaults;
  std::vector<ConfigRow> rows;
  for (const Section& section : sections()) {
    if (section.list) continue;
    for (const Key& key : section.keys) {
      rows.push_back({std::string(section.name) + "." + std::string(key.name),
                      flat_name(section, key),
                      plain(value_of(key, section.at(settings, 0), Secrets::masked)),
                      plain(value_of(key, section.at(defaults, 0), Secrets::masked)),
                      key.restart.empty(), std::string(key.doc)});
    }
  }
  return rows;
}

std::string print_config(const Loaded& loaded) { return Printer(loaded).print(); }

std::string to_json(const Settings& settings, Secrets secrets) {
  Value root(Kind::table);
  for (const Section& section : sections()) {
    Value value(section.list ? Kind::list : Kind::table);
    if (!section.list) value = table_of(section, section.at(settings, 0), secrets);
    for (std::size_t i = 0; section.list && i < section.size(settings); ++i) {
      value.items.push_back(table_of(section, section.at(settings, i), secrets));
    }
    value.name = section.name;
    root.items.push_back(std::move(value));
  }
  return write_json(root);
}

std::vector<std::string> not_reloadable_changes(const Settings& old, const Settings& now) {
  std::vector<std::string> changed;
  for (const Section& section : sections()) {
    if (section.list) continue;
    for (const Key& key : section.keys) {
      if (key.restart.empty()) continue;
      const auto before = plain(value_of(key, section.at(old, 0), Secrets::plain));
      const auto after = plain(value_of(key, section.at(now, 0), Secrets::plain));
      if (before != after)
        changed.push_back(std::string(section.name) + "." + std::string(key.name));
    }
  }
  return changed;
}

std::string documentation(std::string_view name) {
  const Section* section = find_section(name);
  if (!section) return {};
  Settings defaults;
  if (section->list) section->append(defaults);
  std::string out =
      "| Key | PgBouncer's name | Value | Default | Reload | Meaning |\n"
      "|---|---|---|---|---|---|\n";
  for (const Key& key : section->keys) {
    const auto value = value_of(key, section->at(defaults, 0), Secrets::masked);
    std::string standard = is_unset(*section, value) || plain(value).empty() ? "" : plain(value);
    if (!standard.empty()) standard = "`" + standard + "`";
    if (key.required) standard = "required";
    const std::string known(key.pgbouncer.empty() ? "" : "`" + std::string(key.pgbouncer) + "`");
    out += "| `" + std::string(key.name) + "` | " + known + " | " + key.type(key.rule) + " | " +
           standard + " | " + (key.restart.empty() ? "yes" : "no: " + std::string(key.restart)) +
           " | " + std::string(key.doc) + " |\n";
  }
  return out;
}

}  // namespace heim::config
