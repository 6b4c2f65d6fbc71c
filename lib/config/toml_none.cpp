#include "config/toml.hpp"

namespace heim::config {

bool toml_supported() { return false; }

Parsed parse_toml(std::string_view) {
  Diagnostic diagnostic;
  diagnostic.message =
      "this build reads no TOML (it was made with -Dtoml=disabled): write the file as JSON";
  return diagnostic;
}

}  // namespace heim::config
