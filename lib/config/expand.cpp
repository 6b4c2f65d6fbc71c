#include "config/expand.hpp"

#include "config/text.hpp"

namespace heim::config {
namespace {

constexpr std::size_t max_expanded_bytes = 1u << 20;

bool is_name(std::string_view name) {
  if (name.empty() || (name.front() >= '0' && name.front() <= '9')) return false;
  for (const char c : name) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!good && c != '_') return false;
  }
  return true;
}

/// What stands between "${" and "}".
void substitute(std::string_view inside, const Environment& environment, Expanded& out) {
  const std::size_t split = inside.find(":-");
  const std::string_view name = inside.substr(0, split);
  if (!is_name(name)) {
    out.error =
        "between \"${\" and \"}\" must stand VARIABLE or VARIABLE:-default (write $$ for $)";
    return;
  }
  if (out.variable.empty()) out.variable = name;
  const auto value = environment ? environment(name) : std::nullopt;
  if (value && (!value->empty() || split == std::string_view::npos)) {
    out.text += *value;
  } else if (split != std::string_view::npos) {
    out.text += inside.substr(split + 2);
  } else {
    out.error = "the environment variable " + std::string(name) + " is not set; \"${" +
                std::string(name) + ":-value}\" would give a default";
  }
}

}  // namespace

Expanded expand(std::string_view text, const Environment& environment) {
  Expanded out;
  while (out.error.empty() && !text.empty()) {
    const std::size_t dollar = std::min(text.find('$'), text.size());
    out.text += text.substr(0, dollar);
    text.remove_prefix(dollar);
    if (text.starts_with("${")) {
      const std::size_t end = text.find('}');
      if (end == std::string_view::npos) {
        out.error = "\"${\" without \"}\" (write $$ for $)";
        break;
      }
      substitute(text.substr(2, end - 2), environment, out);
      text.remove_prefix(end + 1);
    } else if (!text.empty()) {
      out.text += '$';
      text.remove_prefix(text.starts_with("$$") ? 2 : 1);
    }
    if (out.text.size() > max_expanded_bytes) out.error = "longer than 1 MiB";
  }
  if (out.error.empty() && !is_utf8(out.text)) out.error = "not valid UTF-8";
  if (out.error.empty() && out.text.find('\0') != std::string::npos) out.error = "has a zero byte";
  return out;
}

std::string escape_dollars(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    out += text[i];
    const bool special = i + 1 < text.size() && (text[i + 1] == '$' || text[i + 1] == '{');
    if (text[i] == '$' && special) out += '$';
  }
  return out;
}

}  // namespace heim::config
