// What a statement answered: columns, and rows that are read where they came in.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embed/inbox.hpp"
#include "wire/framer.hpp"

namespace heim::embed {

struct Column {
  std::string_view name;  // zero-terminated
  std::uint32_t table = 0;
  std::uint16_t attribute = 0;
  std::uint32_t type = 0;
  std::int16_t type_size = 0;
  std::int32_t modifier = -1;
  std::uint16_t format = 0;  // 1: binary
};

/// One value of a row.
struct Value {
  Bytes bytes;
  bool is_null = true;
};

class Result {
 public:
  enum class Kind : std::uint8_t { command, rows, empty, copy_in, copy_out };

  /// Ready for another use; keeps its memory.
  void reset(const Inbox& inbox);
  /// The body of a RowDescription. False: it is malformed.
  bool describe(Bytes body);
  /// The body of a ParameterDescription.
  bool describe_parameters(Bytes body);
  /// A DataRow whose body begins at `at` in the inbox.
  void add_row(std::size_t at, std::size_t length) { rows_.push_back({at, length}); }
  void drop_rows();

  Kind kind = Kind::command;
  std::string tag;
  bool complete = false;  // its last row is there
  std::size_t row_count() const { return rows_.size(); }
  std::span<const Column> columns() const {
    return is_described_ ? std::span(columns_) : std::span<const Column>();
  }
  const std::vector<std::uint32_t>& parameters() const { return parameters_; }
  /// Both in range. NULL also where the row is malformed.
  Value value(std::size_t row, std::size_t column) const;
  /// A row as it came: a piece of COPY data.
  Bytes raw(std::size_t row) const { return inbox_->part(rows_[row].at, rows_[row].length); }
  /// Rows that the command's tag counts; 0 if it has none.
  std::uint64_t affected() const;

 private:
  struct Row {
    std::size_t at, length;
  };
  void find_values(std::size_t row) const;

  const Inbox* inbox_ = nullptr;
  // Of the description that came last: mostly the next one is the same.
  std::string description_;
  std::vector<Column> columns_;
  bool is_described_ = false;
  std::vector<std::uint32_t> parameters_;
  std::vector<Row> rows_;
  // Of the row that was looked at last.
  mutable std::vector<Value> values_;
  mutable std::size_t values_of_ = ~std::size_t{0};
};

/// Of text, or of the binary form of a type that holds such a value. Nothing: it is none, or does
/// not fit.
std::optional<std::int64_t> to_int64(const Column& column, Bytes value);
std::optional<double> to_double(const Column& column, Bytes value);
std::optional<bool> to_bool(const Column& column, Bytes value);

}  // namespace heim::embed
