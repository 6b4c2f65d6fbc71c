// heim_config: load, ask, print.
#include "capi/config.hpp"

#include <vector>

#include "capi/guard.hpp"
#include "config/describe.hpp"
#include "config/text.hpp"

namespace {

using heim::capi::Failure;
using heim::capi::guard;
using heim::capi::require;
using heim::capi::Source;
namespace config = heim::config;

void load(heim_config& to, Source source) {
  to = heim_config();
  config::LoadResult result = source.load();
  to.warnings = config::to_text(result.warnings());
  to.diagnostics = config::to_text(result.errors());
  if (!result) throw Failure(HEIM_CONFIG, heim::capi::first_line(to.diagnostics));
  to.source = std::move(source);
  to.loaded = *std::move(result);
}

const config::Loaded& loaded(const heim_config* handle) {
  require(handle, "config");
  if (!handle->loaded) throw Failure(HEIM_STATE, "no configuration is loaded");
  return *handle->loaded;
}

std::string value_of(const config::Settings& settings, std::string_view key) {
  const std::vector<config::ConfigRow> rows = config::describe(settings);
  std::vector<std::string_view> known;
  for (const config::ConfigRow& row : rows) {
    if (row.key == key) return row.value;
    known.push_back(row.key);
  }
  const std::string_view near = config::nearest(key, known);
  throw Failure(HEIM_INVALID_ARGUMENT,
                "there is no key " + config::quoted(key) +
                    (near.empty() ? "" : "; did you mean " + std::string(near) + "?"));
}

}  // namespace

heim_status heim_config_new(heim_config** out, heim_error* error) {
  return guard(error, [&] {
    require(out, "out");
    *out = new heim_config();
  });
}

heim_status heim_config_load_file(heim_config* handle, const char* path, heim_error* error) {
  return guard(error, [&] {
    require(handle, "config");
    require(path, "path");
    if (!*path) throw Failure(HEIM_INVALID_ARGUMENT, "'path' must not be empty");
    load(*handle, Source::file(path));
  });
}

heim_status heim_config_load_text(heim_config* handle, const char* text, size_t length,
                                  heim_config_format format, heim_error* error) {
  return guard(error, [&] {
    require(handle, "config");
    if (length > 0) require(text, "text");
    if (format < HEIM_CONFIG_DETECT || format > HEIM_CONFIG_JSON) {
      throw Failure(HEIM_INVALID_ARGUMENT, "'format' is none of HEIM_CONFIG_*");
    }
    load(*handle, Source::text({text, length}, format));
  });
}

const char* heim_config_diagnostics(const heim_config* handle) {
  return handle ? handle->diagnostics.c_str() : "";
}

const char* heim_config_warnings(const heim_config* handle) {
  return handle ? handle->warnings.c_str() : "";
}

heim_status heim_config_print(heim_config* handle, const char** out, heim_error* error) {
  return guard(error, [&] {
    require(out, "out");
    std::string text = config::print_config(loaded(handle));
    handle->printed = std::move(text);
    *out = handle->printed.c_str();
  });
}

heim_status heim_config_get(heim_config* handle, const char* key, const char** out,
                            heim_error* error) {
  return guard(error, [&] {
    require(key, "key");
    require(out, "out");
    std::string value = value_of(loaded(handle).settings, key);
    handle->value = std::move(value);
    *out = handle->value.c_str();
  });
}

void heim_config_free(heim_config* handle) { delete handle; }
