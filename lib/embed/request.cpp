#include "embed/request.hpp"

#include <algorithm>

#include "sql/lexer.hpp"
#include "wire/encoder.hpp"
#include "wire/messages.hpp"

namespace heim::embed {
namespace {

void put_sync(std::string& out) { wire::message(out, 'S', {}); }

void put_bind(std::string& out, const Request& request) {
  wire::Writer bind(out, 'B');
  bind.string({}).string(request.is_prepared ? request.statement : std::string_view());
  const auto count = static_cast<std::uint16_t>(request.parameters.size());
  bind.u16(count);
  for (const Parameter& parameter : request.parameters) bind.u16(parameter.is_binary);
  bind.u16(count);
  for (const Parameter& parameter : request.parameters) {
    if (parameter.is_null) {
      bind.u32(0xffffffff);
    } else {
      bind.u32(static_cast<std::uint32_t>(parameter.bytes.size())).bytes(parameter.bytes);
    }
  }
  bind.u16(1).u16(request.binary_result);
}

void put_parse(std::string& out, const Request& request) {
  wire::Writer parse(out, 'P');
  parse.string({}).string(request.sql);
  parse.u16(static_cast<std::uint16_t>(request.parameters.size()));
  for (const Parameter& parameter : request.parameters) parse.u32(parameter.type);
}

// Its Sync may come before the server reads data, or among it, where it is passed over: who fails
// COPY early (a cancel request) leaves it unknown which it was. A simple query has none.
bool is_copy(const Request& request) {
  constexpr std::string_view copy = "copy";
  if (request.is_prepared || !request.parameters.empty()) return false;
  const std::string_view first = sql::Lexer(request.sql).next().text;
  return std::ranges::equal(first, copy, [](char a, char b) { return (a | 0x20) == b; });
}

}  // namespace

void put_startup(std::string& out, const StartupItems& items) {
  std::string body;
  for (const auto& [name, value] : items) {
    ((body += name) += '\0') += value;
    body += '\0';
  }
  body += '\0';
  wire::startup(out, wire::version_3_0, body);
}

void put_query(std::string& out, std::string_view sql) { wire::text_message(out, 'Q', sql); }

bool put_request(std::string& out, const Request& request) {
  if (is_copy(request)) return put_query(out, request.sql), false;
  if (!request.is_prepared) put_parse(out, request);
  put_bind(out, request);
  wire::Writer(out, 'D').u8('P').string({});
  wire::Writer(out, 'E').string({}).u32(0);
  put_sync(out);
  return true;
}

void put_prepare(std::string& out, std::string_view name, std::string_view sql,
                 std::span<const std::uint32_t> types) {
  {
    wire::Writer parse(out, 'P');
    parse.string(name).string(sql).u16(static_cast<std::uint16_t>(types.size()));
    for (const std::uint32_t type : types) parse.u32(type);
  }
  wire::Writer(out, 'D').u8('S').string(name);
  put_sync(out);
}

void put_deallocate(std::string& out, std::string_view name) {
  wire::Writer(out, 'C').u8('S').string(name);
  put_sync(out);
}

bool is_sendable(std::size_t bytes) { return bytes < wire::huge - 65536; }

}  // namespace heim::embed
