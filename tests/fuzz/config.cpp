// Invariant: loading never crashes, whatever the text; and what loads can be shown, and its JSON
// loads again, without an environment, to equal Settings.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/describe.hpp"
#include "config/load.hpp"

namespace {

using namespace heim::config;

std::optional<std::string> environment(std::string_view name) {
  if (name == "A") return "5";
  if (name == "B") return "${A}$$x\"\\\n";
  if (name == "C") return "\xff";
  return std::nullopt;
}

void check(const LoadResult& result) {
  (void)to_text(result.errors());
  (void)to_text(result.warnings());
  if (!result) return;
  (void)describe(result->settings);
  (void)print_config(*result);
  const LoadResult again = load_json(to_json(result->settings, Secrets::plain), "json", nullptr);
  if (!again || !(again->settings == result->settings)) abort();
  if (!not_reloadable_changes(result->settings, again->settings).empty()) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check(load_toml(text, "fuzz.toml", environment));
  check(load_json(text, "fuzz.json", environment));
  return 0;
}
