// A configuration's text to Settings, with everything that is wrong or doubtful about it.
//
// TOML and JSON go through one schema and one validation. Nothing here opens a file or reads the
// process's environment: text and Environment come in. Whether the files named exist is for those
// who open them.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.hpp"
#include "config/expand.hpp"
#include "config/settings.hpp"

namespace heim::config {

/// Where a key's value came from. A key without an Origin has its default.
struct Origin {
  std::string key;  // "proxy.pool_size", "nodes[0].host"
  std::string file;
  std::uint32_t line = 0;
  std::string variable;  // the environment variable it came from, if any
};

struct Loaded {
  Settings settings;
  std::vector<Diagnostic> warnings;
  std::vector<Origin> origins;  // in the file's order
};

/// Loaded, or why not. Warnings are there in both cases; settings are of use only without errors.
class [[nodiscard]] LoadResult {
 public:
  LoadResult(Loaded loaded, std::vector<Diagnostic> errors)
      : loaded_(std::move(loaded)), errors_(std::move(errors)) {}
  explicit operator bool() const { return errors_.empty(); }
  const Loaded& operator*() const& { return loaded_; }
  Loaded&& operator*() && { return std::move(loaded_); }
  const Loaded* operator->() const { return &loaded_; }
  /// All of them, at most 100, in the file's order.
  const std::vector<Diagnostic>& errors() const { return errors_; }
  const std::vector<Diagnostic>& warnings() const { return loaded_.warnings; }

 private:
  Loaded loaded_;
  std::vector<Diagnostic> errors_;
};

/// `file_name` is for messages only.
LoadResult load_toml(std::string_view text, std::string_view file_name, const Environment& env);
LoadResult load_json(std::string_view text, std::string_view file_name, const Environment& env);
/// By the name's ending (.json, .toml), else JSON if the text starts with '{', else TOML.
LoadResult load(std::string_view text, std::string_view file_name, const Environment& env);

}  // namespace heim::config
