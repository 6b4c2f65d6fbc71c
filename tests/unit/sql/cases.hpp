// The case files of tests/data/sql: a text of one or more lines, then a line with two blanks before
// it for each statement; `  (nothing)` if there is none. Lines with # at their start are comments.
#pragma once
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace heim::sql::test {

struct Case {
  std::string text;
  std::string expected;  // lines, with their blanks and line ends
};

inline const std::string data_dir = HEIM_SOURCE_DIR "/tests/data/sql/";

inline std::vector<Case> read_cases(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::vector<Case> cases;
  std::string line;
  bool in_text = false;
  while (std::getline(file, line)) {
    if (line.empty() || line[0] == '#') continue;
    const bool expectation = line.starts_with("  ");
    if (!expectation && !in_text) cases.emplace_back();
    if (!expectation) {
      std::string& text = cases.back().text;
      text += (text.empty() ? "" : "\n") + line;
    } else if (line != "  (nothing)") {
      cases.back().expected += line + "\n";
    }
    in_text = !expectation;
  }
  return cases;
}

inline std::vector<std::string> case_files() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(data_dir)) {
    if (entry.path().extension() == ".cases") files.push_back(entry.path());
  }
  return files;
}

inline std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const std::string& file : case_files()) {
    for (Case& one : read_cases(file)) cases.push_back(std::move(one));
  }
  return cases;
}

}  // namespace heim::sql::test
