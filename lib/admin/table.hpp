// A result set of the console, and its messages in the protocol.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace heim::admin {

/// The object ids of PostgreSQL's types that the console answers with.
enum class Type : std::uint32_t {
  boolean = 16,
  int8 = 20,
  int4 = 23,
  text = 25,
  numeric = 1700,
  nothing = 2278,  // void
};

struct Column {
  std::string name;
  Type type = Type::text;
  bool operator==(const Column&) const = default;
};

/// A value as text; none is NULL. Numbers are whole; a numeric is not negative.
using Cell = std::optional<std::string>;
using Row = std::vector<Cell>;

struct Table {
  std::vector<Column> columns;
  std::vector<Row> rows;
};

/// The result format codes of a Bind: none (all text), one (for all), or one a column.
using Formats = std::vector<std::uint16_t>;

/// An error (08P01) if the number of codes fits no such rule, or a code is neither 0 nor 1.
Result<void> check_formats(const Formats& formats, std::size_t columns);

/// RowDescription.
void row_description(std::string& out, const std::vector<Column>& columns,
                     const Formats& formats = {});
/// DataRow. `row` has a cell for each column.
void data_row(std::string& out, const std::vector<Column>& columns, const Row& row,
              const Formats& formats = {});
/// The whole answer of the simple protocol: RowDescription, DataRows, CommandComplete.
std::string encode(const Table& table, std::string_view tag);

}  // namespace heim::admin
