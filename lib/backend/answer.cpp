#include "backend/answer.hpp"

#include "backend/link.hpp"
#include "wire/encoder.hpp"

namespace heim::backend {
namespace {

constexpr std::size_t chunk = 32 * 1024;
/// What waits for a client that fetches rows in portions.
constexpr std::size_t rest_max = 16u << 20;
constexpr std::size_t row_max = 1u << 30;

}  // namespace

bool is_binary(const Formats& formats, std::size_t column) {
  if (formats.size() == 1) return formats.front() == 1;
  return column < formats.size() && formats[column] == 1;
}

void put_columns(std::string& out, std::span<const Column> columns, const Formats& formats) {
  wire::Writer message(out, 'T');
  message.u16(static_cast<std::uint16_t>(columns.size()));
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const Column& each = columns[i];
    message.string(each.name).u32(0).u16(0).u32(each.type);
    message.u16(static_cast<std::uint16_t>(size_of(each.type))).u32(0xffffffff);
    message.u16(is_binary(formats, i) ? 1 : 0);
  }
}

// ---- the connection's thread ----------------------------------------------------------

void Answer::begin(Reply reply, Wish wish) {
  const std::lock_guard lock(mutex_);
  wish_ = std::move(wish);
  outcome_ = {};
  rows_ = results_ = 0;
  out_.clear();
  number_ = reply.number;
}

bool Answer::is_over() {
  const std::lock_guard lock(mutex_);
  return number_ == 0;
}

Answer::Outcome Answer::end() {
  const std::lock_guard lock(mutex_);
  number_ = 0;
  return std::move(outcome_);
}

// ---- [any thread] ------------------------------------------------------------------------

Said Answer::flush(bool all) {
  if (out_.empty() || (!all && out_.size() < chunk)) return Said::ok;
  const bool sent = link_.send(number_, as_bytes(out_));
  out_.clear();
  return sent ? Said::ok : Said::closed;
}

void Answer::fail(std::string_view sqlstate, std::string_view message, std::string_view detail) {
  if (outcome_.failed) return;
  outcome_.failed = true;
  wire::error(out_, {"ERROR", sqlstate, message, detail});
}

Said Answer::parameters(std::uint64_t number, std::span<const std::uint32_t> types) {
  const std::lock_guard lock(mutex_);
  if (!is_waited_for(number)) return Said::closed;
  if (wish_.kind != Kind::description) return Said::misplaced;
  outcome_.parameters.assign(types.begin(), types.end());
  return Said::ok;
}

Said Answer::columns(std::uint64_t number, std::vector<Column> columns) {
  const std::lock_guard lock(mutex_);
  if (!is_waited_for(number)) return Said::closed;
  if (outcome_.failed || outcome_.has_columns || columns.size() > 1600) return Said::misplaced;
  const bool was_told = wish_.columns.has_value();
  if (was_told && wish_.columns->size() != columns.size()) {
    fail("0A000", "the statement has other columns than it was described with");
    return Said::misplaced;
  }
  outcome_.columns = was_told ? *wish_.columns : std::move(columns);
  outcome_.has_columns = true;
  rows_ = 0;
  if (wish_.kind == Kind::query) put_columns(out_, outcome_.columns, wish_.formats);
  return flush(false);
}

bool Answer::put_value(const Value& value, std::size_t column) {
  const std::uint32_t type = outcome_.columns[column].type;
  const bool binary = is_binary(wish_.formats, column);
  value_.clear();
  std::string_view bytes = value.bytes();
  if (binary != value.binary) {
    const bool known = binary ? to_binary(type, bytes, value_) : to_text(type, bytes, value_);
    if (!known) return false;
    bytes = value_;
  }
  if (bytes.size() > row_max) return false;
  std::uint8_t size[4];
  store_be32(size, static_cast<std::uint32_t>(bytes.size()));
  out_.append(reinterpret_cast<const char*>(size), sizeof size);
  out_ += bytes;
  return true;
}

// A DataRow. False: one of the values cannot be told, and the statement has failed.
bool Answer::put_row(std::span<const Value> values) {
  const std::size_t begin = out_.size();
  const Column* bad = nullptr;
  {
    wire::Writer message(out_, 'D');
    message.u16(static_cast<std::uint16_t>(values.size()));
    for (std::size_t i = 0; i < values.size() && !bad; ++i) {
      if (!values[i].data) {
        message.u32(0xffffffff);
      } else if (!put_value(values[i], i)) {
        bad = &outcome_.columns[i];
      }
    }
  }
  if (!bad && out_.size() - begin < row_max) return true;
  out_.resize(begin);
  if (bad) {
    fail("22P03", "a value of column \"" + bad->name + "\" cannot be told in the format asked for");
  } else {
    fail("54000", "a row is too long");
  }
  return false;
}

// The row that `out_` ends with, for a client that fetches rows in portions.
Said Answer::keep_row(std::size_t begin) {
  const std::size_t size = out_.size() - begin;
  const bool fits = outcome_.rest.size() + size <= rest_max;
  if (fits) {
    outcome_.sizes.push_back(static_cast<std::uint32_t>(size));
    outcome_.rest.append(out_, begin);
  }
  out_.resize(begin);
  if (!fits) fail("54000", "too many rows wait for a client that fetches them in portions");
  return fits ? Said::ok : Said::too_large;
}

Said Answer::row(std::uint64_t number, std::span<const Value> values) {
  const std::lock_guard lock(mutex_);
  if (!is_waited_for(number)) return Said::closed;
  if (!takes_result() || !outcome_.has_columns) return Said::misplaced;
  if (values.size() != outcome_.columns.size()) return Said::misplaced;
  const std::size_t begin = out_.size();
  try {
    if (!put_row(values)) return Said::too_large;
  } catch (...) {  // there is no memory: half a row is none
    out_.resize(begin);
    throw;
  }
  ++rows_;
  if (wish_.rows_max != 0 && rows_ > wish_.rows_max) return keep_row(begin);
  return flush(false);
}

Said Answer::complete(std::uint64_t number, std::string_view tag) {
  const std::lock_guard lock(mutex_);
  if (!is_waited_for(number)) return Said::closed;
  if (!takes_result()) return Said::misplaced;
  if (wish_.kind == Kind::portal && results_ > 0) return Said::misplaced;
  ++results_;
  outcome_.tag = tag.empty() ? "SELECT " + std::to_string(rows_) : std::string(tag);
  outcome_.has_columns = false;
  if (outcome_.sizes.empty()) {
    wire::command_complete(out_, outcome_.tag);
  } else {
    wire::message(out_, 's', {});
  }
  return flush(false);
}

Said Answer::error(std::uint64_t number, std::string_view sqlstate, std::string_view message,
                   std::string_view detail) {
  const std::lock_guard lock(mutex_);
  if (!is_waited_for(number)) return Said::closed;
  if (outcome_.failed) return Said::misplaced;
  fail(sqlstate, message, detail);
  return Said::ok;
}

Said Answer::over(std::uint64_t number, char status) {
  const std::lock_guard lock(mutex_);
  if (!is_waited_for(number)) return Said::closed;
  const bool half = wish_.kind != Kind::description && (outcome_.has_columns || results_ == 0);
  if (half) fail("XX000", "the backend did not complete its answer");
  outcome_.status = status;
  const Said said = flush(true);
  number_ = 0;
  link_.ring();
  return said;
}

}  // namespace heim::backend
