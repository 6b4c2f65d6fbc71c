// Values of PostgreSQL's types between their text and their binary format: those that drivers send
// and ask for in binary most.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace heim::backend {

/// Numbers of pg_type.
namespace oid {
inline constexpr std::uint32_t boolean = 16, bytea = 17, name = 19, int8 = 20, int2 = 21, int4 = 23,
                               text = 25, oid = 26, json = 114, xml = 142, float4 = 700,
                               float8 = 701, unknown = 705, bpchar = 1042, varchar = 1043,
                               date = 1082, time = 1083, timestamp = 1114, timestamptz = 1184,
                               uuid = 2950;
}

/// pg_type's typlen: below 0 where it varies.
std::int16_t size_of(std::uint32_t type);

/// A value, NULL or not. Lent.
struct Value {
  const void* data = nullptr;  // null: NULL
  std::size_t length = 0;
  std::uint32_t type = 0;
  bool binary = false;
  std::string_view bytes() const { return {static_cast<const char*>(data), length}; }
};

/// The bytes of a value in the other format, in `out`. False: it is not such a value, or a type
/// that is not known here. Dates, times and UUIDs go to text alone.
bool to_text(std::uint32_t type, std::string_view binary, std::string& out);
bool to_binary(std::uint32_t type, std::string_view text, std::string& out);

}  // namespace heim::backend
