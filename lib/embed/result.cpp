#include "embed/result.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <limits>

namespace heim::embed {

void Result::reset(const Inbox& inbox) {
  inbox_ = &inbox;
  kind = Kind::command;
  tag.clear();
  complete = false;
  is_described_ = false;
  parameters_.clear();
  drop_rows();
}

void Result::drop_rows() {
  rows_.clear();
  values_of_ = ~std::size_t{0};
}

bool Result::describe(Bytes body) {
  kind = Kind::rows;
  is_described_ = !columns_.empty() && as_text(body) == description_;
  if (is_described_) return true;
  description_ = as_text(body);
  columns_.clear();
  wire::Fields fields(as_bytes(description_));
  const std::uint16_t count = fields.u16();
  values_.reserve(count);  // so that to look at a value takes no memory
  columns_.reserve(count);
  for (std::uint16_t i = 0; i < count; ++i) {
    Column column;
    column.name = fields.string();
    column.table = fields.u32();
    column.attribute = fields.u16();
    column.type = fields.u32();
    column.type_size = static_cast<std::int16_t>(fields.u16());
    column.modifier = static_cast<std::int32_t>(fields.u32());
    column.format = fields.u16();
    if (!fields.ok()) return columns_.clear(), false;
    columns_.push_back(column);
  }
  is_described_ = true;
  return fields.done();
}

bool Result::describe_parameters(Bytes body) {
  wire::Fields fields(body);
  const std::uint16_t count = fields.u16();
  for (std::uint16_t i = 0; i < count && fields.ok(); ++i) parameters_.push_back(fields.u32());
  return fields.done();
}

void Result::find_values(std::size_t row) const {
  values_of_ = ~std::size_t{0};
  values_.assign(columns().size(), Value());
  values_of_ = row;
  wire::Fields fields(inbox_->part(rows_[row].at, rows_[row].length));
  const std::size_t count = std::min<std::size_t>(fields.u16(), values_.size());
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t length = fields.u32();
    if (length == 0xffffffff) continue;
    const Bytes bytes = fields.bytes(length);
    if (!fields.ok()) return;
    values_[i] = {bytes, false};
  }
}

Value Result::value(std::size_t row, std::size_t column) const {
  if (row != values_of_) find_values(row);
  return values_[column];
}

std::uint64_t Result::affected() const {
  const std::size_t space = tag.rfind(' ');
  std::uint64_t count = 0;
  if (space == tag.npos) return 0;
  const char* end = tag.data() + tag.size();
  const auto read = std::from_chars(tag.data() + space + 1, end, count);
  return read.ec == std::errc() && read.ptr == end ? count : 0;
}

namespace {

// pg_type's numbers, which never change.
enum Type : std::uint32_t {
  type_bool = 16,
  type_int8 = 20,
  type_int2 = 21,
  type_int4 = 23,
  type_oid = 26,
  type_float4 = 700,
  type_float8 = 701,
};

std::uint64_t load_be64(const std::uint8_t* from) {
  return std::uint64_t{load_be32(from)} << 32 | load_be32(from + 4);
}

template <class Number>
std::optional<Number> from_text(Bytes value) {
  const std::string_view text = as_text(value);
  Number number{};
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

std::optional<std::int64_t> to_int64(const Column& column, Bytes value) {
  if (column.format == 0) return from_text<std::int64_t>(value);
  if (column.type == type_int2 && value.size() == 2)
    return static_cast<std::int16_t>(load_be16(value.data()));
  if (column.type == type_int4 && value.size() == 4)
    return static_cast<std::int32_t>(load_be32(value.data()));
  if (column.type == type_oid && value.size() == 4) return load_be32(value.data());
  if (column.type == type_int8 && value.size() == 8)
    return static_cast<std::int64_t>(load_be64(value.data()));
  return std::nullopt;
}

std::optional<double> to_double(const Column& column, Bytes value) {
  if (column.format == 0) {
    if (as_text(value) == "Infinity") return std::numeric_limits<double>::infinity();
    if (as_text(value) == "-Infinity") return -std::numeric_limits<double>::infinity();
    return from_text<double>(value);
  }
  if (column.type == type_float8 && value.size() == 8)
    return std::bit_cast<double>(load_be64(value.data()));
  if (column.type == type_float4 && value.size() == 4)
    return std::bit_cast<float>(load_be32(value.data()));
  const auto whole = to_int64(column, value);
  return whole ? std::optional(static_cast<double>(*whole)) : std::nullopt;
}

std::optional<bool> to_bool(const Column& column, Bytes value) {
  if (column.type != type_bool || value.size() != 1) return std::nullopt;
  if (column.format == 1) return value[0] != 0;
  if (value[0] != 't' && value[0] != 'f') return std::nullopt;
  return value[0] == 't';
}

}  // namespace heim::embed
