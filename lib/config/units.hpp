// Durations and sizes with their units, to and from text.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace heim::config {

/// "250ms", "1.5s", "2min", "1h", "7d", "10us", "5ns": a decimal number and one unit, at most 100
/// years. nullopt for anything else, also for a bare number and for what is finer than 1ns.
std::optional<Duration> parse_duration(std::string_view text);
/// In the largest unit that gives a whole number: "250ms". Zero is "0s".
std::string to_text(Duration duration);

/// "64MiB", "1GB", "8kB", "100B" or bare bytes. Each step is 1024, as in PostgreSQL.
std::optional<std::uint64_t> parse_size(std::string_view text);
/// In the largest unit that gives a whole number: "64MiB". Zero is "0B".
std::string size_text(std::uint64_t bytes);

}  // namespace heim::config
