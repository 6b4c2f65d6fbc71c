// Whatever SQL lies on this machine: scripts of extensions and the server, if they are installed.
// It is read whole, line by line and statement by statement; nothing but a crash is wrong.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "sql/analysis.hpp"
#include "sql/normal_form.hpp"

using namespace heim::sql;

namespace {

constexpr std::size_t enough = 2 << 20;  // bytes, of all files together

std::string slurp(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void read_parts(const std::string& text, const char* separator) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(separator, at), text.size());
    analyse(std::string_view(text).substr(at, end - at));
    at = end + 1;
  }
}

}  // namespace

TEST_CASE("SQL that lies about") {
  const std::filesystem::path folder = "/usr/share/postgresql/15";
  std::error_code none;
  std::size_t bytes = 0, understood = 0, files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, none)) {
    if (entry.path().extension() != ".sql" || bytes > enough) continue;
    const std::string text = slurp(entry.path());
    bytes += text.size();
    ++files;
    understood += analyse(text)->understood ? 1 : 0;
    read_parts(text, "\n");
    read_parts(text, ";");
    NormalForm form, again;
    form.read(text);
    again.read(form.text());
    if (form.complete()) CHECK(again.text() == form.text());
  }
  MESSAGE(files, " files, ", bytes, " bytes, ", understood, " files understood whole");
}
