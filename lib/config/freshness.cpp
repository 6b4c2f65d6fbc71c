#include "config/freshness.hpp"

#include <algorithm>
#include <iterator>

#include "config/units.hpp"

namespace heim::config {

namespace {
constexpr std::string_view scope_words[] = {"strict", "session", "group", "bounded", "any"};
constexpr std::string_view with_window = "bounded:";
}  // namespace

std::string_view to_text(Scope scope) { return scope_words[static_cast<std::size_t>(scope)]; }

std::string to_text(const Freshness& freshness) {
  std::string out(to_text(freshness.scope));
  if (freshness.window) out += ":" + to_text(*freshness.window);
  return out;
}

std::optional<Freshness> parse_freshness(std::string_view text) {
  if (text.starts_with(with_window)) {
    const auto window = parse_duration(text.substr(with_window.size()));
    if (!window || *window < Duration(0)) return std::nullopt;
    return Freshness{Scope::bounded, window};
  }
  const auto* const word = std::ranges::find(scope_words, text);
  if (word == std::end(scope_words)) return std::nullopt;
  return Freshness{static_cast<Scope>(word - std::begin(scope_words)), std::nullopt};
}

}  // namespace heim::config
