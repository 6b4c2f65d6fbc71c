// heim_result: read in place.
#include "embed/result.hpp"

#include "capi/guard.hpp"
#include "capi/options.hpp"
#include "capi/session.hpp"

using heim::capi::Failure;
using heim::capi::guard;
using heim::capi::put_struct;
using heim::capi::require;
using heim::capi::result_of;

namespace {

namespace embed = heim::embed;

bool has(const heim_result* result, std::size_t row, std::size_t column) {
  return result && row < result_of(result).row_count() &&
         column < result_of(result).columns().size();
}

/// `convert`s the value, or says why not.
template <class Convert, class Out>
void read_value(const heim_result* result, std::size_t row, std::size_t column, Out* out,
                const char* kind, Convert convert) {
  require(result, "result");
  require(out, "out");
  if (!has(result, row, column)) {
    throw Failure(HEIM_INVALID_ARGUMENT,
                  "there is no row " + std::to_string(row) + ", column " + std::to_string(column));
  }
  const embed::Result& in = result_of(result);
  const embed::Column& about = in.columns()[column];
  const embed::Value value = in.value(row, column);
  const std::string name = "column " + std::string(about.name);
  if (value.is_null) throw Failure(HEIM_VALUE, name + " is NULL");
  const auto converted = convert(about, value.bytes);
  if (!converted) throw Failure(HEIM_VALUE, name + " has no " + kind);
  *out = *converted;
}

}  // namespace

heim_kind heim_result_kind(const heim_result* result) {
  return result ? static_cast<heim_kind>(result_of(result).kind) : HEIM_KIND_EMPTY;
}

const char* heim_result_tag(const heim_result* result) {
  return result ? result_of(result).tag.c_str() : "";
}

uint64_t heim_result_affected(const heim_result* result) {
  return result ? result_of(result).affected() : 0;
}

size_t heim_result_rows(const heim_result* result) {
  return result ? result_of(result).row_count() : 0;
}

size_t heim_result_columns(const heim_result* result) {
  return result ? result_of(result).columns().size() : 0;
}

heim_status heim_result_column(const heim_result* result, size_t column, heim_column* out,
                               heim_error* error) {
  return guard(error, [&] {
    require(result, "result");
    require(out, "out");
    if (column >= heim_result_columns(result)) {
      throw Failure(HEIM_INVALID_ARGUMENT, "there is no column " + std::to_string(column));
    }
    const embed::Column& about = result_of(result).columns()[column];
    heim_column made{};
    made.format = about.format ? HEIM_FORMAT_BINARY : HEIM_FORMAT_TEXT;
    made.name = about.name.data();
    made.type = about.type;
    made.type_size = about.type_size;
    made.modifier = about.modifier;
    made.table = about.table;
    made.attribute = about.attribute;
    put_struct(out, made, "out");
  });
}

size_t heim_result_find(const heim_result* result, const char* name) {
  if (!result || !name) return SIZE_MAX;
  const auto& columns = result_of(result).columns();
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name == name) return i;
  }
  return SIZE_MAX;
}

const void* heim_result_value(const heim_result* result, size_t row, size_t column,
                              size_t* length) {
  embed::Value value;
  const heim_status status = guard(nullptr, [&] {
    if (has(result, row, column)) value = result_of(result).value(row, column);
  });
  if (status != HEIM_OK) value = {};
  if (length) *length = value.bytes.size();
  return value.is_null ? nullptr : value.bytes.data();
}

int heim_result_is_null(const heim_result* result, size_t row, size_t column) {
  return heim_result_value(result, row, column, nullptr) == nullptr;
}

heim_status heim_result_int64(const heim_result* result, size_t row, size_t column, int64_t* out,
                              heim_error* error) {
  return guard(error,
               [&] { read_value(result, row, column, out, "whole number", embed::to_int64); });
}

heim_status heim_result_double(const heim_result* result, size_t row, size_t column, double* out,
                               heim_error* error) {
  return guard(error, [&] { read_value(result, row, column, out, "number", embed::to_double); });
}

heim_status heim_result_bool(const heim_result* result, size_t row, size_t column, int* out,
                             heim_error* error) {
  return guard(error, [&] { read_value(result, row, column, out, "truth value", embed::to_bool); });
}

size_t heim_result_parameters(const heim_result* result) {
  return result ? result_of(result).parameters().size() : 0;
}

uint32_t heim_result_parameter(const heim_result* result, size_t parameter) {
  return parameter < heim_result_parameters(result) ? result_of(result).parameters()[parameter] : 0;
}
