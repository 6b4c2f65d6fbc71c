#include "config/convert.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "config/address.hpp"
#include "config/text.hpp"

namespace heim::config {
namespace {

using Kind = Value::Kind;

constexpr std::string_view log_levels[] = {"debug", "info", "warning", "error"};
constexpr std::string_view freshness_form =
    "strict, session, group, bounded, bounded:DURATION or any";
constexpr std::string_view wish_form = "auto, primary, standby, nearest or node:NAME";
constexpr std::string_view tls_versions[] = {"TLSv1.2", "TLSv1.3"};

Note good() { return {}; }
Note bad(std::string message) { return {std::move(message), {}}; }
Note wrong_kind(std::string_view wanted, const Value& value) {
  return bad("must be " + std::string(wanted) + ", not " + kind_name(value.kind));
}

std::vector<std::string> strings(std::span<const std::string_view> words) {
  return {words.begin(), words.end()};
}

Note unknown_word(std::string_view word, const std::vector<std::string>& known) {
  std::vector<std::string_view> views(known.begin(), known.end());
  const std::string_view near = nearest(word, views);
  std::string message = "must be " + any_of(known) + ", not " + quoted(word);
  if (!near.empty()) message += "; did you mean " + quoted(near) + "?";
  return bad(message);
}

/// Numbers that came from the environment are texts.
std::optional<std::int64_t> integer_in(const Value& value) {
  if (value.kind == Kind::integer) return value.integer;
  if (value.kind != Kind::text || value.variable.empty()) return std::nullopt;
  std::int64_t number = 0;
  const char* end = value.text.data() + value.text.size();
  const auto [rest, error] = std::from_chars(value.text.data(), end, number);
  if (error != std::errc() || rest != end) return std::nullopt;
  return number;
}

std::string range_text(const Rule& rule) {
  return std::to_string(rule.min) + " to " + std::to_string(rule.max);
}

template <class T>
Note read_count(const Value& from, const Rule& rule, T& to) {
  const auto number = integer_in(from);
  if (!number && from.kind == Kind::text) {
    return bad("must be an integer from " + range_text(rule) + ", not the text " +
               quoted(from.text));
  }
  if (!number) return wrong_kind("an integer from " + range_text(rule), from);
  if (*number < rule.min || *number > rule.max) {
    return bad("must be from " + range_text(rule) + ", not " + std::to_string(*number));
  }
  to = static_cast<T>(*number);
  return good();
}

/// A file mode: "0700", or 0o700 in TOML. Decimal 700 would be a trap.
Note read_mode(const Value& from, std::uint32_t& to) {
  std::uint32_t mode = 01000;
  if (from.kind == Kind::integer && from.octal && from.integer >= 0 && from.integer <= 0777) {
    mode = static_cast<std::uint32_t>(from.integer);
  } else if (from.kind == Kind::text && !from.text.empty()) {
    const char* end = from.text.data() + from.text.size();
    const auto [rest, error] = std::from_chars(from.text.data(), end, mode, 8);
    if (error != std::errc() || rest != end) mode = 01000;
  }
  if (mode > 0777) return bad("must be a file mode as an octal text, such as \"0770\"");
  to = mode;
  return good();
}

struct TimeUnit {
  std::string_view name;
  std::int64_t factor;
};
constexpr TimeUnit in_seconds{"s", 1'000'000'000};
constexpr TimeUnit in_milliseconds{"ms", 1'000'000};

std::string duration_range(const Rule& rule) {
  return to_text(Duration(rule.min)) + " to " + to_text(Duration(rule.max));
}

/// A number without a unit, as PgBouncer writes durations.
std::optional<Duration> bare_duration(const Value& from, TimeUnit unit) {
  constexpr double most = 3e9;  // seconds: 95 years
  double number = 0;
  if (const auto integer = integer_in(from)) {
    number = static_cast<double>(*integer);
  } else if (from.kind == Kind::real) {
    number = from.real;
  } else {
    return std::nullopt;
  }
  if (!(std::abs(number) < most)) number = std::copysign(most, number);
  return Duration(std::llround(number * static_cast<double>(unit.factor)));
}

/// `grain` is the unit that the setting counts in, `bare` that of a number without one.
Note read_duration(const Value& from, const Rule& rule, TimeUnit bare, TimeUnit grain,
                   Duration& to) {
  Note note;
  auto duration = bare_duration(from, bare);
  if (duration && duration->count() != 0) {
    note.warning = "has no unit; taken as " + to_text(*duration) + ", which is clearer";
  }
  if (!duration && from.kind == Kind::text) {
    duration = parse_duration(from.text);
    if (!duration) {
      return bad("must be a duration such as \"250ms\", \"5s\", \"2min\", \"1h\" or \"7d\", not " +
                 quoted(from.text));
    }
  }
  if (!duration) return wrong_kind("a duration such as \"250ms\" or \"5s\"", from);
  if (duration->count() < rule.min || duration->count() > rule.max) {
    return bad("must be from " + duration_range(rule) +
               (from.kind == Kind::text ? ", not " + quoted(from.text) : ""));
  }
  if (duration->count() % grain.factor != 0) {
    return bad("must be whole " +
               std::string(grain.factor == in_seconds.factor ? "seconds" : "milliseconds") +
               ", not " + to_text(*duration));
  }
  to = *duration;
  return note;
}

template <class E>
Note read_word(const Value& from, E& to) {
  if (from.kind != Kind::text) return wrong_kind(any_of(names<E>()), from);
  for (const auto& word : words(E{})) {
    if (word.text != from.text) continue;
    to = word.value;
    return good();
  }
  return unknown_word(from.text, names<E>());
}

Note read_known(const Value& from, std::span<const std::string_view> known, std::string& to) {
  const auto at = std::ranges::find(known, from.text);
  if (at == known.end()) return unknown_word(from.text, strings(known));
  to = from.text;
  return good();
}

Note read_host(const std::string& text, std::string& to) {
  if (text.empty()) return bad("must not be empty");
  if (!text.starts_with('/') && !is_host(text)) {
    const bool has_port = parse_address(text, 1).has_value();
    return bad(quoted(text) + " is no host name, address or socket directory" +
               (has_port ? "; the port has a key of its own, port" : ""));
  }
  to = text;
  return good();
}

std::string not_an_address(std::string_view text) {
  return quoted(text) + " is no address; write \"host:port\", \":6432\" or \"[::1]:6432\"";
}

/// The port that is missing is filled in later, by complete().
Note read_address(const std::string& text, std::string& to) {
  if (!text.empty() && !parse_address(text, 1)) return bad(not_an_address(text));
  to = text;
  return good();
}

Note read_text(const Value& from, const Rule& rule, std::string& to) {
  if (has_control(from.text, rule.form == Form::sql)) return bad("has a control character");
  switch (rule.form) {
    case Form::name:
      if (from.text.empty()) return bad("must not be empty");
      break;
    case Form::host:
      return read_host(from.text, to);
    case Form::address:
      return read_address(from.text, to);
    case Form::log_level:
      return read_known(from, log_levels, to);
    case Form::tls_version:
      return read_known(from, tls_versions, to);
    case Form::text:
    case Form::sql:
    case Form::path:
    case Form::octal:
      break;
  }
  to = from.text;
  return good();
}

Value integer_value(std::int64_t integer) {
  Value value(Kind::integer);
  value.integer = integer;
  return value;
}

}  // namespace

std::string any_of(const std::vector<std::string>& words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? " or " : ", ";
    out += words[i];
  }
  return out;
}

Note read(const Value& from, const Rule& rule, std::string& to) {
  if (from.kind != Kind::text) return wrong_kind("a text", from);
  return read_text(from, rule, to);
}

Note read(const Value& from, const Rule&, Secret& to) {
  if (from.kind != Kind::text) return wrong_kind("a text", from);
  if (from.text.find('\0') != std::string::npos) return bad("has a zero byte");
  to = Secret(from.text);
  return good();
}

Note read(const Value& from, const Rule&, bool& to) {
  static constexpr Word<bool> known[] = {{"true", true}, {"false", false}, {"on", true},
                                         {"off", false}, {"yes", true},    {"no", false},
                                         {"1", true},    {"0", false}};
  std::string word = from.text;
  if (from.kind == Kind::boolean) word = from.boolean ? "true" : "false";
  if (from.kind == Kind::integer) word = std::to_string(from.integer);
  for (const auto& candidate : known) {
    if (candidate.text != word) continue;
    to = candidate.value;
    return good();
  }
  if (from.kind != Kind::text && from.kind != Kind::integer) {
    return wrong_kind("true or false", from);
  }
  return bad("must be true or false, not " + (from.kind == Kind::text ? quoted(word) : word));
}

Note read(const Value& from, const Rule& rule, std::uint16_t& to) {
  return read_count(from, rule, to);
}

Note read(const Value& from, const Rule& rule, std::uint32_t& to) {
  return rule.form == Form::octal ? read_mode(from, to) : read_count(from, rule, to);
}

Note read(const Value& from, const Rule& rule, std::uint64_t& to) {
  auto number = integer_in(from);
  if (!number && from.kind == Kind::text) {
    const auto size = parse_size(from.text);
    if (!size) {
      return bad("must be a size such as \"64MiB\" or \"1GB\", not " + quoted(from.text));
    }
    number = static_cast<std::int64_t>(*size);
  }
  if (!number) return wrong_kind("a size such as \"64MiB\"", from);
  if (*number < rule.min || *number > rule.max) {
    return bad("must be from " + size_text(static_cast<std::uint64_t>(rule.min)) + " to " +
               size_text(static_cast<std::uint64_t>(rule.max)));
  }
  to = static_cast<std::uint64_t>(*number);
  return good();
}

Note read(const Value& from, const Rule& rule, Duration& to) {
  return read_duration(from, rule, in_seconds, {"ns", 1}, to);
}

Note read(const Value& from, const Rule& rule, std::chrono::seconds& to) {
  Duration duration(to);
  Note note = read_duration(from, rule, in_seconds, in_seconds, duration);
  to = std::chrono::duration_cast<std::chrono::seconds>(duration);
  return note;
}

Note read(const Value& from, const Rule& rule, std::chrono::milliseconds& to) {
  Duration duration(to);
  Note note = read_duration(from, rule, in_milliseconds, in_milliseconds, duration);
  to = std::chrono::duration_cast<std::chrono::milliseconds>(duration);
  return note;
}

Note read(const Value& from, const Rule& rule, std::vector<std::string>& to) {
  std::vector<std::string> out;
  if (from.kind == Kind::text) {
    for (const std::string_view part : split_list(from.text)) out.emplace_back(part);
  } else if (from.kind == Kind::list) {
    for (const Value& item : from.items) {
      if (item.kind != Kind::text) return wrong_kind("a list of texts", item);
      if (item.text.empty()) return bad("has an empty text in it");
      out.push_back(item.text);
    }
  } else {
    return wrong_kind("a text or a list of texts", from);
  }
  for (const std::string& item : out) {
    if (has_control(item, false)) return bad("has a control character");
    if (rule.form == Form::address && !parse_address(item, 1)) return bad(not_an_address(item));
  }
  to = std::move(out);
  return good();
}

Note read(const Value& from, const Rule&, PoolMode& to) { return read_word(from, to); }
Note read(const Value& from, const Rule&, OnUnsupported& to) { return read_word(from, to); }
Note read(const Value& from, const Rule&, Follow& to) { return read_word(from, to); }
Note read(const Value& from, const Rule&, OnLoss& to) { return read_word(from, to); }
Note read(const Value& from, const Rule&, NodeRole& to) { return read_word(from, to); }
Note read(const Value& from, const Rule&, Route& to) { return read_word(from, to); }
Note read(const Value& from, const Rule&, AuthType& to) { return read_word(from, to); }
Note read(const Value& from, const Rule&, LogFormat& to) { return read_word(from, to); }
Note read(const Value& from, const Rule&, Discovery& to) { return read_word(from, to); }
Note read(const Value& from, const Rule&, SslMode& to) { return read_word(from, to); }
Note read(const Value& from, const Rule&, Reads& to) { return read_word(from, to); }
Note read(const Value& from, const Rule&, Balance& to) { return read_word(from, to); }
Note read(const Value& from, const Rule&, Coherence& to) { return read_word(from, to); }
Note read(const Value& from, const Rule&, Workload& to) { return read_word(from, to); }
Note read(const Value& from, const Rule&, Temperature& to) { return read_word(from, to); }

Note read(const Value& from, const Rule&, Freshness& to) {
  if (from.kind != Kind::text) return wrong_kind(freshness_form, from);
  const auto freshness = parse_freshness(from.text);
  if (!freshness) {
    return bad("must be " + std::string(freshness_form) + ", not " + quoted(from.text));
  }
  to = *freshness;
  return good();
}

Note read(const Value& from, const Rule&, Wish& to) {
  if (from.kind != Kind::text) return wrong_kind(wish_form, from);
  const auto wish = parse_wish(from.text);
  if (!wish) return bad("must be " + std::string(wish_form) + ", not " + quoted(from.text));
  to = own(*wish);
  return good();
}

Value text_value(std::string_view text) {
  Value value(Kind::text);
  value.text = text;
  return value;
}

// What cannot be empty is not set then.
std::optional<Value> write(const std::string& from, const Rule& rule) {
  const bool is_set = !from.empty() || (rule.form != Form::name && rule.form != Form::host);
  return is_set ? std::optional(text_value(from)) : std::nullopt;
}
std::optional<Value> write(const Secret& from, const Rule&) { return text_value(from.view()); }
std::optional<Value> write(bool from, const Rule&) {
  Value value(Kind::boolean);
  value.boolean = from;
  return value;
}
std::optional<Value> write(std::uint16_t from, const Rule&) { return integer_value(from); }
std::optional<Value> write(std::uint32_t from, const Rule& rule) {
  if (rule.form != Form::octal) return integer_value(from);
  std::string digits;
  for (int shift = 9; shift >= 0; shift -= 3)
    digits += static_cast<char>('0' + (from >> shift & 7));
  return text_value(digits);
}
std::optional<Value> write(std::uint64_t from, const Rule&) { return text_value(size_text(from)); }
std::optional<Value> write(Duration from, const Rule&) { return text_value(to_text(from)); }
std::optional<Value> write(std::chrono::seconds from, const Rule&) {
  return text_value(to_text(Duration(from)));
}
std::optional<Value> write(std::chrono::milliseconds from, const Rule&) {
  return text_value(to_text(Duration(from)));
}
std::optional<Value> write(const std::vector<std::string>& from, const Rule&) {
  Value value(Kind::list);
  for (const std::string& item : from) value.items.push_back(text_value(item));
  return value;
}

std::optional<Value> write(const Freshness& from, const Rule&) { return text_value(to_text(from)); }
std::optional<Value> write(const Wish& from, const Rule&) {
  return text_value(to_text(WishView{from.kind, from.node}));
}

std::string describe_type(const Freshness*, const Rule&) { return std::string(freshness_form); }
std::string describe_type(const Wish*, const Rule&) { return std::string(wish_form); }
std::string describe_type(const std::string*, const Rule& rule) {
  switch (rule.form) {
    case Form::sql:
      return "SQL";
    case Form::name:
      return "name";
    case Form::host:
      return "name, address or socket directory";
    case Form::address:
      return "host:port";
    case Form::path:
      return "path";
    case Form::log_level:
      return any_of(strings(log_levels));
    case Form::tls_version:
      return any_of(strings(tls_versions));
    case Form::text:
    case Form::octal:
      break;
  }
  return "text";
}
std::string describe_type(const Secret*, const Rule&) { return "text, kept secret"; }
std::string describe_type(const bool*, const Rule&) { return "true or false"; }
std::string describe_type(const std::uint16_t*, const Rule& rule) { return range_text(rule); }
std::string describe_type(const std::uint32_t*, const Rule& rule) {
  return rule.form == Form::octal ? "octal text" : range_text(rule);
}
std::string describe_type(const std::uint64_t*, const Rule& rule) {
  return "size, " + size_text(static_cast<std::uint64_t>(rule.min)) + " to " +
         size_text(static_cast<std::uint64_t>(rule.max));
}
std::string describe_type(const Duration*, const Rule& rule) {
  return "duration, " + duration_range(rule);
}
std::string describe_type(const std::chrono::seconds*, const Rule& rule) {
  return "whole seconds, " + duration_range(rule);
}
std::string describe_type(const std::chrono::milliseconds*, const Rule& rule) {
  return "whole milliseconds, " + duration_range(rule);
}
std::string describe_type(const std::vector<std::string>*, const Rule& rule) {
  return rule.form == Form::address ? "list of host:port" : "list of names";
}

}  // namespace heim::config
