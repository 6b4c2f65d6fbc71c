#include "config/load.hpp"

#include "config/json.hpp"
#include "config/report.hpp"
#include "config/schema.hpp"
#include "config/toml.hpp"
#include "config/validate.hpp"

namespace heim::config {
namespace {

using Kind = Value::Kind;

/// Walks the tree with the schema in hand.
class Loader {
 public:
  Loader(std::string_view file, const Environment& env) : file_(file), env_(env), report_(file) {}

  LoadResult run(const Value& root) {
    for (const Value& item : root.items) section(item);
    complete(loaded_.settings, report_);
    validate(loaded_.settings, report_);
    loaded_.warnings = report_.take_warnings();
    return {std::move(loaded_), report_.take_errors()};
  }

 private:
  void section(const Value& item) {
    const Section* section = find_section(item.name);
    if (!section) {
      report_.error(item.name, item.at, "unknown section" + suggest_section(item.name));
    } else if (!section->list) {
      single(*section, item);
    } else if (item.kind != Kind::list) {
      report_.error(item.name, item.at,
                    "must be a list of tables: write [[" + item.name + "]] for each entry");
    } else {
      for (std::size_t i = 0; i < item.items.size(); ++i) entry(*section, item.items[i], i);
    }
  }

  void single(const Section& section, const Value& item) {
    const std::string name(section.name);
    if (item.kind != Kind::table) {
      report_.error(name, item.at, "must be a table, [" + name + "], not " + kind_name(item.kind));
      return;
    }
    report_.place(name, item.at);
    for (const Value& value : item.items) {
      const Found found = find_key(section, value.name);
      const std::string below = name + "." + value.name;
      if (found.key) {
        assign(found, std::string(found.section->name), 0, value);
      } else if (const Section* inner = find_section(below)) {
        single(*inner, value);
      } else {
        unknown(section, name, value);
      }
    }
  }

  void entry(const Section& section, const Value& item, std::size_t index) {
    const std::string path = std::string(section.name) + "[" + std::to_string(index) + "]";
    section.append(loaded_.settings);
    report_.place(path, item.at);
    if (item.kind != Kind::table) {
      report_.error(path, item.at, std::string("must be a table, not ") + kind_name(item.kind));
      return;
    }
    for (const Value& value : item.items) {
      const Found found = find_key(section, value.name);
      if (found.key) {
        assign(found, path, index, value);
      } else {
        unknown(section, path, value);
      }
    }
    for (const Key& key : section.keys) {
      if (!key.required || report_.given(path + "." + std::string(key.name))) continue;
      report_.error(path + "." + std::string(key.name), item.at, "must be given");
    }
  }

  void unknown(const Section& section, const std::string& path, const Value& value) {
    report_.error(path + "." + value.name, value.at,
                  "unknown key" + suggest_key(section, value.name));
  }

  void assign(const Found& found, const std::string& path, std::size_t index, const Value& given) {
    const std::string name = path + "." + std::string(found.key->name);
    const Position before = report_.where(name);
    if (!report_.place(name, given.at)) {
      report_.error(name, given.at, "is given twice: also in line " + std::to_string(before.line));
      return;
    }
    Value value = given;
    if (!expand_texts(name, value)) return;
    void* object = found.section->address(loaded_.settings, index);
    const Note note = found.key->read(value, found.key->rule, object);
    if (!note.error.empty()) report_.error(name, given.at, note.error);
    if (!note.warning.empty()) report_.warning(name, given.at, note.warning);
    loaded_.origins.push_back({name, std::string(file_), given.at.line, value.variable});
  }

  /// Also in a list's items. The list remembers the first variable.
  bool expand_texts(const std::string& name, Value& value) {
    for (Value& item : value.items) {
      if (!expand_texts(name, item)) return false;
      if (value.variable.empty()) value.variable = item.variable;
    }
    if (value.kind != Kind::text) return true;
    Expanded expanded = expand(value.text, env_);
    if (!expanded.error.empty()) {
      report_.error(name, value.at, expanded.error);
      return false;
    }
    value.text = std::move(expanded.text);
    value.variable = std::move(expanded.variable);
    return true;
  }

  std::string_view file_;
  const Environment& env_;
  Report report_;
  Loaded loaded_;
};

LoadResult run(Parsed parsed, std::string_view file_name, const Environment& env) {
  if (auto* problem = std::get_if<Diagnostic>(&parsed)) {
    problem->file = file_name;
    return {Loaded(), {std::move(*problem)}};
  }
  return Loader(file_name, env).run(std::get<Value>(parsed));
}

}  // namespace

LoadResult load_toml(std::string_view text, std::string_view file_name, const Environment& env) {
  return run(parse_toml(text), file_name, env);
}

LoadResult load_json(std::string_view text, std::string_view file_name, const Environment& env) {
  return run(parse_json(text), file_name, env);
}

LoadResult load(std::string_view text, std::string_view file_name, const Environment& env) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const bool looks_json = first != std::string_view::npos && text[first] == '{';
  const bool named_toml = file_name.ends_with(".toml");
  const bool json = file_name.ends_with(".json") || (looks_json && !named_toml);
  return json ? load_json(text, file_name, env) : load_toml(text, file_name, env);
}

}  // namespace heim::config
