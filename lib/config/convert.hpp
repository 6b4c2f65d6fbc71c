// One value of a file to one typed setting and back. An overload for each type that settings have.
#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/secret.hpp"
#include "config/tree.hpp"
#include "config/units.hpp"
#include "config/words.hpp"

namespace heim::config {

/// What a type alone does not say.
enum class Form : std::uint8_t {
  text,         // one line
  sql,          // may have line ends
  name,         // one line, not empty
  host,         // a name, an address, or a directory that starts with '/'
  address,      // host:port, or empty
  path,         // one line
  octal,        // a file mode
  log_level,    // debug, info, warning, error
  tls_version,  // TLSv1.2, TLSv1.3
};

struct Rule {
  Form form = Form::text;
  std::int64_t min = 0;  // counts, bytes or nanoseconds; both ends belong to the range
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
};

/// What reading one value found to say. Texts of secrets are never in it.
struct Note {
  std::string error;    // empty: it was read
  std::string warning;  // it was read, but
};

Note read(const Value& from, const Rule& rule, std::string& to);
Note read(const Value& from, const Rule& rule, Secret& to);
Note read(const Value& from, const Rule& rule, bool& to);
Note read(const Value& from, const Rule& rule, std::uint16_t& to);
Note read(const Value& from, const Rule& rule, std::uint32_t& to);
Note read(const Value& from, const Rule& rule, std::uint64_t& to);  // a size in bytes
Note read(const Value& from, const Rule& rule, Duration& to);
Note read(const Value& from, const Rule& rule, std::chrono::seconds& to);
Note read(const Value& from, const Rule& rule, std::chrono::milliseconds& to);
Note read(const Value& from, const Rule& rule, std::vector<std::string>& to);
Note read(const Value& from, const Rule& rule, PoolMode& to);
Note read(const Value& from, const Rule& rule, OnUnsupported& to);
Note read(const Value& from, const Rule& rule, Follow& to);
Note read(const Value& from, const Rule& rule, OnLoss& to);
Note read(const Value& from, const Rule& rule, NodeRole& to);
Note read(const Value& from, const Rule& rule, Route& to);
Note read(const Value& from, const Rule& rule, AuthType& to);
Note read(const Value& from, const Rule& rule, LogFormat& to);
Note read(const Value& from, const Rule& rule, Discovery& to);
Note read(const Value& from, const Rule& rule, Coherence& to);
Note read(const Value& from, const Rule& rule, SslMode& to);
Note read(const Value& from, const Rule& rule, Reads& to);
Note read(const Value& from, const Rule& rule, Balance& to);
Note read(const Value& from, const Rule& rule, Workload& to);
Note read(const Value& from, const Rule& rule, Temperature& to);
Note read(const Value& from, const Rule& rule, Freshness& to);
Note read(const Value& from, const Rule& rule, Wish& to);
template <class T>
Note read(const Value& from, const Rule& rule, std::optional<T>& to) {
  return read(from, rule, to.emplace());
}

/// The inverse. nullopt: not set. Texts are not escaped for expand().
std::optional<Value> write(const std::string& from, const Rule& rule);
std::optional<Value> write(const Secret& from, const Rule& rule);
std::optional<Value> write(bool from, const Rule& rule);
std::optional<Value> write(std::uint16_t from, const Rule& rule);
std::optional<Value> write(std::uint32_t from, const Rule& rule);
std::optional<Value> write(std::uint64_t from, const Rule& rule);
std::optional<Value> write(Duration from, const Rule& rule);
std::optional<Value> write(std::chrono::seconds from, const Rule& rule);
std::optional<Value> write(std::chrono::milliseconds from, const Rule& rule);
std::optional<Value> write(const std::vector<std::string>& from, const Rule& rule);
Value text_value(std::string_view text);
std::optional<Value> write(const Freshness& from, const Rule& rule);
std::optional<Value> write(const Wish& from, const Rule& rule);
template <class E>
requires requires(E value) { words(value); }
std::optional<Value> write(E from, const Rule&) { return text_value(to_text(from)); }
template <class T>
std::optional<Value> write(const std::optional<T>& from, const Rule& rule) {
  return from ? write(*from, rule) : std::nullopt;
}

/// What a value of this type may be, for the documentation: "duration", "1 to 65535", "a, b or c".
std::string describe_type(const std::string*, const Rule& rule);
std::string describe_type(const Secret*, const Rule& rule);
std::string describe_type(const bool*, const Rule& rule);
std::string describe_type(const std::uint16_t*, const Rule& rule);
std::string describe_type(const std::uint32_t*, const Rule& rule);
std::string describe_type(const std::uint64_t*, const Rule& rule);
std::string describe_type(const Duration*, const Rule& rule);
std::string describe_type(const std::chrono::seconds*, const Rule& rule);
std::string describe_type(const std::chrono::milliseconds*, const Rule& rule);
std::string describe_type(const std::vector<std::string>*, const Rule& rule);
std::string describe_type(const Freshness*, const Rule& rule);
std::string describe_type(const Wish*, const Rule& rule);
std::string any_of(const std::vector<std::string>& words);  // "a, b or c"
template <class E>
requires requires(E value) { words(value); }
std::string describe_type(const E*, const Rule&) { return any_of(names<E>()); }
template <class T>
std::string describe_type(const std::optional<T>*, const Rule& rule) {
  return describe_type(static_cast<const T*>(nullptr), rule);
}

}  // namespace heim::config
