// The messages that scripts are written with: each function returns one whole message.
#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wire/encoder.hpp"
#include "wire/messages.hpp"

namespace heim::session::test {

using Pairs = std::vector<std::pair<std::string, std::string>>;

inline std::string message(char tag, std::string_view body = {}) {
  std::string out;
  wire::message(out, tag, body);
  return out;
}
inline std::string text_message(char tag, std::string_view text) {
  std::string out;
  wire::text_message(out, tag, text);
  return out;
}

// ---- a client's -----------------------------------------------------------------

inline std::string startup(const Pairs& parameters, std::uint32_t version = wire::version_3_0) {
  std::string body;
  for (const auto& [name, value] : parameters) {
    (body += name) += '\0';
    (body += value) += '\0';
  }
  body += '\0';
  std::string out;
  wire::startup(out, version, body);
  return out;
}
inline std::string ssl_request() {
  std::string out;
  wire::startup(out, wire::ssl_request, {});
  return out;
}
inline std::string gss_request() {
  std::string out;
  wire::startup(out, wire::gssenc_request, {});
  return out;
}
inline std::string cancel_request(std::uint32_t pid, std::string_view secret) {
  std::string body(4, '\0');
  store_be32(reinterpret_cast<std::uint8_t*>(body.data()), pid);
  std::string out;
  wire::startup(out, wire::cancel_request, body + std::string(secret));
  return out;
}
inline std::string query(std::string_view sql) { return text_message('Q', sql); }
inline std::string parse(std::string_view name, std::string_view sql) {
  std::string out;
  wire::Writer(out, 'P').string(name).string(sql).u16(0);
  return out;
}
inline std::string bind(std::string_view portal, std::string_view name,
                        std::string_view value = {}) {
  std::string out;
  wire::Writer writer(out, 'B');
  writer.string(portal).string(name).u16(0);
  if (value.empty()) {
    writer.u16(0);
  } else {
    writer.u16(1).u32(static_cast<std::uint32_t>(value.size())).bytes(value);
  }
  writer.u16(0);
  return out;
}
inline std::string describe(char kind, std::string_view name) {
  std::string out;
  wire::Writer(out, 'D').u8(static_cast<std::uint8_t>(kind)).string(name);
  return out;
}
inline std::string close(char kind, std::string_view name) {
  std::string out;
  wire::Writer(out, 'C').u8(static_cast<std::uint8_t>(kind)).string(name);
  return out;
}
inline std::string execute(std::string_view portal = {}, std::uint32_t rows = 0) {
  std::string out;
  wire::Writer(out, 'E').string(portal).u32(rows);
  return out;
}
inline std::string end_batch() { return message('S'); }
inline std::string flush() { return message('H'); }
inline std::string terminate() { return message('X'); }
inline std::string password(std::string_view text) { return text_message('p', text); }
inline std::string copy_data(std::string_view data) { return message('d', data); }
inline std::string copy_done() { return message('c'); }
inline std::string copy_fail(std::string_view why) { return text_message('f', why); }

// ---- a server's -----------------------------------------------------------------

inline std::string authentication(std::uint32_t code, std::string_view rest = {}) {
  std::string out;
  wire::authentication(out, code, rest);
  return out;
}
inline std::string parameter(std::string_view name, std::string_view value) {
  std::string out;
  wire::parameter_status(out, name, value);
  return out;
}
inline std::string key(std::uint32_t pid, std::string_view secret) {
  std::string out;
  wire::Writer(out, 'K').u32(pid).bytes(secret);
  return out;
}
inline std::string ready(char status = 'I') {
  std::string out;
  wire::ready(out, status);
  return out;
}
inline std::string complete(std::string_view tag) { return text_message('C', tag); }
inline std::string row(std::string_view value) {
  std::string out;
  wire::data_row(out, std::vector<std::string_view>{value});
  return out;
}
inline std::string row_description(std::string_view column = "c") {
  std::string out;
  wire::row_description(out, {column});
  return out;
}
inline std::string error(std::string_view sqlstate, std::string_view text,
                         std::string_view severity = "ERROR") {
  std::string out;
  wire::error(out, {severity, sqlstate, text});
  return out;
}
inline std::string fatal(std::string_view sqlstate, std::string_view text) {
  return error(sqlstate, text, "FATAL");
}
inline std::string notice(std::string_view text) {
  std::string out;
  wire::error(out, {"NOTICE", "00000", text}, 'N');
  return out;
}
inline std::string notification(std::string_view channel, std::uint32_t pid = 7) {
  std::string out;
  wire::Writer(out, 'A').u32(pid).string(channel).string("");
  return out;
}
inline std::string copy_response(char tag) {
  std::string out;
  wire::Writer(out, tag).u8(0).u16(1).u16(0);
  return out;
}
inline std::string parsed() { return message('1'); }
inline std::string bound() { return message('2'); }
inline std::string closed() { return message('3'); }
inline std::string no_data() { return message('n'); }
inline std::string no_parameters() { return message('t', std::string_view("\0\0", 2)); }

/// What a query without rows is answered with.
inline std::string done(std::string_view tag = "SELECT 0", char status = 'I') {
  return complete(tag) + ready(status);
}
/// A result of one row, up to ReadyForQuery.
inline std::string answer(std::string_view value, char status = 'I') {
  return row_description() + row(value) + done("SELECT 1", status);
}

}  // namespace heim::session::test
