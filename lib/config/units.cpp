#include "config/units.hpp"

#include <charconv>
#include <limits>

namespace heim::config {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t factor;
};

__extension__ using Wide = __int128;

// The largest unit first: the printers take the first that divides.
constexpr Unit time_units[] = {{"d", 86'400'000'000'000},
                               {"h", 3'600'000'000'000},
                               {"min", 60'000'000'000},
                               {"s", 1'000'000'000},
                               {"ms", 1'000'000},
                               {"us", 1'000},
                               {"ns", 1}};
constexpr std::int64_t max_ns = 36'500 * time_units[0].factor;

constexpr Unit size_units[] = {{"TiB", 1LL << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20},
                               {"KiB", 1 << 10},   {"B", 1},         {"TB", 1LL << 40},
                               {"GB", 1 << 30},    {"MB", 1 << 20},  {"kB", 1 << 10},
                               {"KB", 1 << 10},    {"", 1}};

template <std::size_t N>
const Unit* find(const Unit (&units)[N], std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Takes the leading digits off `text`; nullopt if there are none or they overflow.
std::optional<std::int64_t> take_digits(std::string_view& text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  if (text.empty() || !is_digit(text.front())) return std::nullopt;
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
  return value;
}

/// Takes ".25" off `text`. The fraction comes back scaled to 10^-18; nullopt if it has no digits or
/// more than 18.
std::optional<std::int64_t> take_fraction(std::string_view& text) {
  if (!text.starts_with('.')) return 0;
  text.remove_prefix(1);
  const std::size_t before = text.size();
  auto value = take_digits(text);
  const std::size_t digits = before - text.size();
  if (!value || digits > 18) return std::nullopt;
  for (std::size_t i = digits; i < 18; ++i) *value *= 10;
  return value;
}

template <std::size_t N>
std::string print(const Unit (&units)[N], std::int64_t value, std::string_view zero) {
  if (value == 0) return std::string(zero);
  for (const Unit& unit : units) {
    if (value % unit.factor == 0) {
      return std::to_string(value / unit.factor) + std::string(unit.name);
    }
  }
  return std::to_string(value);
}

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  text = trim(text);
  const auto whole = take_digits(text);
  const auto fraction = whole ? take_fraction(text) : std::nullopt;
  const Unit* unit = fraction ? find(time_units, trim(text)) : nullptr;
  if (!unit || *whole > max_ns / unit->factor) return std::nullopt;
  constexpr Wide scale = 1'000'000'000'000'000'000;
  const Wide part = static_cast<Wide>(*fraction) * unit->factor;
  if (part % scale != 0) return std::nullopt;
  const std::int64_t total = *whole * unit->factor + static_cast<std::int64_t>(part / scale);
  if (total > max_ns) return std::nullopt;
  return Duration(total);
}

std::string to_text(Duration duration) { return print(time_units, duration.count(), "0s"); }

std::optional<std::uint64_t> parse_size(std::string_view text) {
  text = trim(text);
  const auto whole = take_digits(text);
  const Unit* unit = whole ? find(size_units, trim(text)) : nullptr;
  if (!unit || *whole > std::numeric_limits<std::int64_t>::max() / unit->factor) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(*whole * unit->factor);
}

std::string size_text(std::uint64_t bytes) {
  return print(size_units, static_cast<std::int64_t>(bytes), "0B");
}

}  // namespace heim::config
