// Each file of tests/data/config says what it says: NAME.expected holds the diagnostics, one a
// line.
#include "files.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "config/toml.hpp"

namespace heim::config::test {
namespace {

std::string diagnostics_of(const std::string& name) {
  const LoadResult result = load_file(name);
  std::string text;
  for (const auto& error : result.errors()) text += "error: " + to_text(error) + "\n";
  for (const auto& warning : result.warnings()) text += "warning: " + to_text(warning) + "\n";
  return text;
}

std::vector<std::string> data_files() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(data_dir)) {
    const auto extension = entry.path().extension();
    const bool toml = extension == ".toml" && toml_supported();
    if (toml || extension == ".json") names.push_back(entry.path().filename());
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace

TEST_CASE("every file gives the diagnostics beside it") {
  const auto names = data_files();
  REQUIRE(names.size() >= 8);
  for (const std::string& name : names) {
    CAPTURE(name);
    CHECK(diagnostics_of(name) == slurp(data_dir + name + ".expected"));
  }
}

TEST_CASE("a file loads exactly if it is not called bad") {
  for (const std::string& name : data_files()) {
    CAPTURE(name);
    CHECK(static_cast<bool>(load_file(name)) != name.starts_with("bad-"));
  }
}

}  // namespace heim::config::test
