// The files of tests/data/config, and the environment that they see.
#pragma once
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "config/load.hpp"

namespace heim::config::test {

inline const std::string source_dir = HEIM_SOURCE_DIR;
inline const std::string data_dir = source_dir + "/tests/data/config/";

inline std::string slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::optional<std::string> environment(std::string_view name) {
  if (name == "POOL") return "12";
  if (name == "ADMIN") return "alice";
  if (name == "HOST") return "db.example";
  if (name == "PASSWORD") return "s3cr$${et}";
  if (name == "EMPTY") return "";
  if (name == "NOT_UTF8") return "\xff";
  return std::nullopt;
}

inline LoadResult load_file(const std::string& name) {
  return load(slurp(data_dir + name), name, environment);
}

}  // namespace heim::config::test
