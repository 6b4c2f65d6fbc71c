#include "admin/table.hpp"

#include <charconv>

#include "wire/encoder.hpp"

namespace heim::admin {
namespace {

bool is_binary(const Formats& formats, std::size_t column) {
  if (formats.empty()) return false;
  return formats[formats.size() == 1 ? 0 : column] == 1;
}

std::uint16_t width(Type type) {
  switch (type) {
    case Type::int8:
      return 8;
    case Type::int4:
      return 4;
    case Type::boolean:
      return 1;
    default:
      return 0xffff;  // varies
  }
}

std::uint64_t number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return static_cast<std::uint64_t>(value);  // two's complement, as the wire has it
}

void big_endian(std::string& out, std::uint64_t value, int bytes) {
  while (bytes-- > 0) out += static_cast<char>(value >> (8 * bytes));
}

/// A whole numeric: digit groups of base 10000, the highest first, trailing empty groups left out.
std::string binary_numeric(std::uint64_t value) {
  std::vector<std::uint16_t> groups;  // the lowest first
  for (; value > 0; value /= 10000) groups.push_back(static_cast<std::uint16_t>(value % 10000));
  const std::uint64_t weight = groups.empty() ? 0 : groups.size() - 1;
  std::size_t lowest = 0;
  while (lowest < groups.size() && groups[lowest] == 0) ++lowest;
  std::string out;
  big_endian(out, groups.size() - lowest, 2);
  big_endian(out, weight, 2);
  big_endian(out, 0, 4);  // sign, digits after the point
  for (std::size_t i = groups.size(); i > lowest; --i) big_endian(out, groups[i - 1], 2);
  return out;
}

std::string binary(Type type, const std::string& text) {
  std::string out;
  switch (type) {
    case Type::int4:
      big_endian(out, number(text), 4);
      return out;
    case Type::int8:
      big_endian(out, number(text), 8);
      return out;
    case Type::numeric:
      return binary_numeric(number(text));
    case Type::boolean:
      return std::string(1, text == "t" ? '\1' : '\0');
    default:
      return text;
  }
}

void value(wire::Writer& writer, std::string_view bytes) {
  writer.u32(static_cast<std::uint32_t>(bytes.size())).bytes(bytes);
}

}  // namespace

Result<void> check_formats(const Formats& formats, std::size_t columns) {
  if (formats.size() > 1 && formats.size() != columns) {
    return Error{"08P01",
                 "bind message has " + std::to_string(formats.size()) +
                     " result formats but query has " + std::to_string(columns) + " columns",
                 {},
                 {}};
  }
  for (const std::uint16_t format : formats) {
    if (format > 1) {
      return Error{"22023", "unsupported format code: " + std::to_string(format), {}, {}};
    }
  }
  return {};
}

void row_description(std::string& out, const std::vector<Column>& columns, const Formats& formats) {
  wire::Writer writer(out, 'T');
  writer.u16(static_cast<std::uint16_t>(columns.size()));
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const Column& column = columns[i];
    writer.string(column.name).u32(0).u16(0).u32(static_cast<std::uint32_t>(column.type));
    writer.u16(width(column.type)).u32(0xffffffff).u16(is_binary(formats, i) ? 1 : 0);
  }
}

void data_row(std::string& out, const std::vector<Column>& columns, const Row& row,
              const Formats& formats) {
  wire::Writer writer(out, 'D');
  writer.u16(static_cast<std::uint16_t>(row.size()));
  for (std::size_t i = 0; i < row.size(); ++i) {
    const Cell& cell = row[i];
    if (!cell) {
      writer.u32(0xffffffff);
    } else if (is_binary(formats, i)) {
      value(writer, binary(columns[i].type, *cell));
    } else {
      value(writer, *cell);
    }
  }
}

std::string encode(const Table& table, std::string_view tag) {
  std::string out;
  row_description(out, table.columns);
  for (const Row& row : table.rows) data_row(out, table.columns, row);
  wire::command_complete(out, tag);
  return out;
}

}  // namespace heim::admin
