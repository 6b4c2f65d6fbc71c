// Writes messages. The caller owns the string that grows.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace heim::wire {

/// Appends one message to `out`; the length is filled in when it goes out of scope.
class Writer {
 public:
  Writer(std::string& out, char tag) : out_(out) {
    out_ += tag;
    start_ = out_.size();
    out_.append(4, '\0');
  }
  ~Writer() {
    store_be32(reinterpret_cast<std::uint8_t*>(out_.data() + start_),
               static_cast<std::uint32_t>(out_.size() - start_));
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  Writer& u8(std::uint8_t value) { return out_ += static_cast<char>(value), *this; }
  Writer& u16(std::uint16_t value);
  Writer& u32(std::uint32_t value);
  /// A zero-terminated string. It ends at a zero inside `text`: the reader would end it there too,
  /// and take the rest for further fields.
  Writer& string(std::string_view text) {
    return (out_ += text.substr(0, text.find('\0'))) += '\0', *this;
  }
  Writer& bytes(std::string_view data) { return out_ += data, *this; }

 private:
  std::string& out_;
  std::size_t start_;
};

/// A message without a tag: startup, SSLRequest, CancelRequest.
void startup(std::string& out, std::uint32_t code, std::string_view body);
/// A message whose body is known whole.
void message(std::string& out, char tag, std::string_view body);
/// A message whose body is one zero-terminated string: Query, CommandComplete, CopyFail ...
void text_message(std::string& out, char tag, std::string_view text);

struct ErrorFields {
  std::string_view severity = "ERROR";  // ERROR, FATAL, WARNING, NOTICE
  std::string_view sqlstate;
  std::string_view message;
  std::string_view detail = {};
  std::string_view hint = {};
  std::string_view routine = {};  // of PostgreSQL's source: some drivers look at it
};
/// ErrorResponse (tag 'E') or NoticeResponse (tag 'N').
void error(std::string& out, const ErrorFields& fields, char tag = 'E');

void ready(std::string& out, char status);  // ReadyForQuery: 'I', 'T' or 'E'
void parameter_status(std::string& out, std::string_view name, std::string_view value);
void authentication(std::string& out, std::uint32_t code, std::string_view rest = {});
void command_complete(std::string& out, std::string_view tag);

/// Result sets of our own, in text format, every column of type text (25).
void row_description(std::string& out, std::initializer_list<std::string_view> columns);
template <class Range>
void row_description_of(std::string& out, const Range& columns);
template <class Range>
void data_row(std::string& out, const Range& values);  // values: std::string_view or std::string

/// Reads the fields of an ErrorResponse or NoticeResponse body; a missing field is empty.
/// `severity` is the one that is never translated, if the server sent it (since 9.6).
struct ErrorView {
  std::string_view severity, sqlstate, message, detail, hint, position, routine;
};
ErrorView read_error(Bytes body);

template <class Range>
void row_description_of(std::string& out, const Range& columns) {
  Writer row(out, 'T');
  row.u16(static_cast<std::uint16_t>(std::size(columns)));
  for (std::string_view column : columns) {
    row.string(column).u32(0).u16(0).u32(25).u16(0xffff).u32(0xffffffff).u16(0);
  }
}
template <class Range>
void data_row(std::string& out, const Range& values) {
  Writer row(out, 'D');
  row.u16(static_cast<std::uint16_t>(std::size(values)));
  for (std::string_view value : values) {
    row.u32(static_cast<std::uint32_t>(value.size())).bytes(value);
  }
}

}  // namespace heim::wire
