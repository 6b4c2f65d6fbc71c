// What a heim_config holds.
#pragma once
#include <optional>
#include <string>

#include "capi/source.hpp"

struct heim_config {
  heim::capi::Source source;
  std::optional<heim::config::Loaded> loaded;
  std::string diagnostics, warnings;  // of the last load
  std::string printed, value;         // lent
};
