#include "backend/values.hpp"

#include <bit>
#include <charconv>
#include <chrono>

#include "base/bytes.hpp"

namespace heim::backend {
namespace {

constexpr std::string_view digits = "0123456789abcdef";

bool is_text(std::uint32_t type) {
  switch (type) {
    case 0:
    case oid::name:
    case oid::text:
    case oid::json:
    case oid::xml:
    case oid::unknown:
    case oid::bpchar:
    case oid::varchar:
      return true;
    default:
      return false;
  }
}

std::uint64_t load(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<std::uint8_t>(byte);
  return value;
}

bool store(std::uint64_t value, std::int16_t size, std::string& out) {
  for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) {
    out += static_cast<char>(value >> shift & 0xff);
  }
  return true;
}

template <class Number>
bool print(Number value, std::string& out) {
  char buffer[64];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
  return true;
}

template <class Real>
bool print_real(Real value, std::string& out) {
  if (value != value) return out += "NaN", true;
  if (value - value != 0) return out += value < 0 ? "-Infinity" : "Infinity", true;
  return print(value, out);
}

template <class Number>
bool scan(std::string_view text, Number& value) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

template <class Whole>
bool pack_whole(std::string_view text, std::int16_t size, std::string& out) {
  Whole value;
  return scan(text, value) && store(static_cast<std::uint64_t>(value), size, out);
}

template <class Real, class Bits>
bool pack_real(std::string_view text, std::string& out) {
  Real value;
  return scan(text, value) && store(std::bit_cast<Bits>(value), sizeof(Bits), out);
}

bool pack_truth(std::string_view text, std::string& out) {
  const bool yes = text == "t" || text == "true" || text == "1";
  const bool no = text == "f" || text == "false" || text == "0";
  if (yes || no) out += yes ? '\1' : '\0';
  return yes || no;
}

void print_padded(std::int64_t value, std::size_t width, std::string& out) {
  const std::string text = std::to_string(value);
  out.append(width > text.size() ? width - text.size() : 0, '0') += text;
}

constexpr std::int64_t second = 1'000'000, day = 86'400 * second;

// Of years that everybody writes alike.
bool print_date(std::int64_t days, std::string& out) {
  using namespace std::chrono;
  constexpr sys_days epoch = year(2000) / January / 1;
  constexpr std::int64_t first = (sys_days(year(1) / January / 1) - epoch).count();
  constexpr std::int64_t last = (sys_days(year(9999) / December / 31) - epoch).count();
  if (days < first || days > last) return false;
  const year_month_day date{epoch + std::chrono::days(days)};
  print_padded(int(date.year()), 4, out);
  out += '-';
  print_padded(unsigned(date.month()), 2, out);
  out += '-';
  print_padded(unsigned(date.day()), 2, out);
  return true;
}

bool print_time(std::int64_t micros, std::string& out) {
  if (micros < 0 || micros > day) return false;
  print_padded(micros / (3600 * second), 2, out);
  out += ':';
  print_padded(micros / (60 * second) % 60, 2, out);
  out += ':';
  print_padded(micros / second % 60, 2, out);
  if (micros % second == 0) return true;
  out += '.';
  print_padded(micros % second, 6, out);
  out.resize(out.find_last_not_of('0') + 1);
  return true;
}

bool print_timestamp(std::int64_t micros, std::string_view zone, std::string& out) {
  const std::int64_t days = micros / day - (micros % day < 0 ? 1 : 0);
  if (!print_date(days, out)) return false;
  out += ' ';
  print_time(micros - days * day, out);
  return out += zone, true;
}

bool print_uuid(std::string_view bytes, std::string& out) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += digits[static_cast<std::uint8_t>(bytes[i]) >> 4];
    out += digits[static_cast<std::uint8_t>(bytes[i]) & 15];
  }
  return true;
}

bool print_moment(std::uint32_t type, std::uint64_t bits, std::string& out) {
  switch (type) {
    case oid::date:
      return print_date(static_cast<std::int32_t>(bits), out);
    case oid::time:
      return print_time(static_cast<std::int64_t>(bits), out);
    case oid::timestamp:
      return print_timestamp(static_cast<std::int64_t>(bits), "", out);
    case oid::timestamptz:
      return print_timestamp(static_cast<std::int64_t>(bits), "+00", out);
    default:
      return false;
  }
}

void print_bytes(std::string_view bytes, std::string& out) {
  out += "\\x";
  for (const char byte : bytes) {
    out += digits[static_cast<std::uint8_t>(byte) >> 4];
    out += digits[static_cast<std::uint8_t>(byte) & 15];
  }
}

// The form of PostgreSQL's bytea_output = hex alone.
bool pack_bytes(std::string_view text, std::string& out) {
  if (!text.starts_with("\\x") || text.size() % 2 != 0) return false;
  for (text.remove_prefix(2); !text.empty(); text.remove_prefix(2)) {
    std::uint8_t byte = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + 2, byte, 16);
    if (error != std::errc() || end != text.data() + 2) return false;
    out += static_cast<char>(byte);
  }
  return true;
}

}  // namespace

std::int16_t size_of(std::uint32_t type) {
  switch (type) {
    case oid::boolean:
      return 1;
    case oid::int2:
      return 2;
    case oid::int4:
    case oid::oid:
    case oid::float4:
    case oid::date:
      return 4;
    case oid::int8:
    case oid::float8:
    case oid::time:
    case oid::timestamp:
    case oid::timestamptz:
      return 8;
    case oid::uuid:
      return 16;
    case oid::name:
      return 64;
    case oid::unknown:
      return -2;
    default:
      return -1;
  }
}

bool to_text(std::uint32_t type, std::string_view binary, std::string& out) {
  if (is_text(type)) return out += binary, true;
  if (type == oid::bytea) return print_bytes(binary, out), true;
  const std::int16_t size = size_of(type);
  if (size < 0 || binary.size() != static_cast<std::size_t>(size)) return false;
  const std::uint64_t bits = load(binary);
  switch (type) {
    case oid::boolean:
      return out += bits != 0 ? 't' : 'f', true;
    case oid::int2:
      return print(static_cast<std::int16_t>(bits), out);
    case oid::int4:
      return print(static_cast<std::int32_t>(bits), out);
    case oid::oid:
      return print(static_cast<std::uint32_t>(bits), out);
    case oid::int8:
      return print(static_cast<std::int64_t>(bits), out);
    case oid::float4:
      return print_real(std::bit_cast<float>(static_cast<std::uint32_t>(bits)), out);
    case oid::float8:
      return print_real(std::bit_cast<double>(bits), out);
    case oid::uuid:
      return print_uuid(binary, out);
    default:
      return print_moment(type, bits, out);
  }
}

bool to_binary(std::uint32_t type, std::string_view text, std::string& out) {
  if (is_text(type)) return out += text, true;
  const std::int16_t size = size_of(type);
  switch (type) {
    case oid::boolean:
      return pack_truth(text, out);
    case oid::bytea:
      return pack_bytes(text, out);
    case oid::int2:
      return pack_whole<std::int16_t>(text, size, out);
    case oid::int4:
      return pack_whole<std::int32_t>(text, size, out);
    case oid::oid:
      return pack_whole<std::uint32_t>(text, size, out);
    case oid::int8:
      return pack_whole<std::int64_t>(text, size, out);
    case oid::float4:
      return pack_real<float, std::uint32_t>(text, out);
    case oid::float8:
      return pack_real<double, std::uint64_t>(text, out);
    default:
      return false;
  }
}

}  // namespace heim::backend
