#include "config/toml.hpp"

#include <algorithm>
#include <utility>

#include "config/toml_guard.hpp"
#include "config/tomlplusplus.hpp"

namespace heim::config {
namespace {

Position position_of(const toml::source_region& region) {
  return {region.begin.line, region.begin.column};
}

Value convert(const toml::node& node);

Value convert_table(const toml::table& table) {
  Value out(Value::Kind::table);
  for (auto&& [key, node] : table) {
    Value item = convert(node);
    item.name = std::string(key.str());
    item.at = position_of(key.source());
    out.items.push_back(std::move(item));
  }
  // toml++ sorts by name; people expect complaints in the order of their file.
  std::ranges::sort(out.items, [](const Value& a, const Value& b) {
    return std::pair(a.at.line, a.at.column) < std::pair(b.at.line, b.at.column);
  });
  return out;
}

Value convert_list(const toml::array& array) {
  Value out(Value::Kind::list);
  for (const toml::node& node : array) out.items.push_back(convert(node));
  return out;
}

Value convert_scalar(const toml::node& node) {
  if (const auto* text = node.as_string()) {
    Value out(Value::Kind::text);
    out.text = text->get();
    return out;
  }
  if (const auto* integer = node.as_integer()) {
    Value out(Value::Kind::integer);
    out.integer = integer->get();
    out.octal = (integer->flags() & toml::value_flags::format_as_octal) != toml::value_flags::none;
    return out;
  }
  if (const auto* boolean = node.as_boolean()) {
    Value out(Value::Kind::boolean);
    out.boolean = boolean->get();
    return out;
  }
  if (const auto* real = node.as_floating_point()) {
    Value out(Value::Kind::real);
    out.real = real->get();
    return out;
  }
  return Value(Value::Kind::other);
}

/// As deep as the text is nested, which parse_toml() has bounded.
Value convert(const toml::node& node) {
  Value out;
  if (const auto* table = node.as_table()) {
    out = convert_table(*table);
  } else if (const auto* array = node.as_array()) {
    out = convert_list(*array);
  } else {
    out = convert_scalar(node);
  }
  out.at = position_of(node.source());
  return out;
}

Diagnostic failure(std::string message, Position at) {
  Diagnostic diagnostic;
  diagnostic.line = at.line;
  diagnostic.column = at.column;
  diagnostic.message = std::move(message);
  return diagnostic;
}

}  // namespace

bool toml_supported() { return true; }

Parsed parse_toml(std::string_view text) {
  if (text.size() > max_file_bytes) return failure("the file is larger than 4 MiB", {});
  if (auto problem = guard_toml(text)) return *std::move(problem);
  toml::parse_result result = toml::parse(text);
  if (!result) {
    std::string what(result.error().description());
    // It quotes what it met, which may be the start of a password; line and column tell as much.
    what.erase(std::min(what.find(", saw '"), what.size()));
    return failure("not valid TOML: " + what, position_of(result.error().source()));
  }
  return convert_table(result.table());
}

}  // namespace heim::config
