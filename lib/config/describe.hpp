// Settings as people and programs read them: SHOW CONFIG, --print-config, JSON, the documentation.
#pragma once
#include <string>
#include <vector>

#include "config/load.hpp"
#include "config/settings.hpp"

namespace heim::config {

/// One key of a section that stands once. Secrets are masked.
struct ConfigRow {
  std::string key;   // "proxy.pool_size"
  std::string name;  // as PgBouncer's SHOW CONFIG has it: "default_pool_size"
  std::string value;
  std::string default_value;
  bool changeable = true;  // by a reload
  std::string doc;
};

/// In the order of the documentation.
std::vector<ConfigRow> describe(const Settings& settings);

/// TOML with every effective value and, as a comment, where it came from. Secrets are masked.
std::string print_config(const Loaded& loaded);

enum class Secrets : bool { masked, plain };
/// Loads again to equal Settings if the secrets are plain. The caller keeps such a text secret.
std::string to_json(const Settings& settings, Secrets secrets = Secrets::masked);

/// The keys that differ and that a reload cannot change: "proxy.workers".
std::vector<std::string> not_reloadable_changes(const Settings& old, const Settings& now);

/// The table of one section for docs/configuration.md, in Markdown. Empty if there is no such one.
std::string documentation(std::string_view section);

}  // namespace heim::config
