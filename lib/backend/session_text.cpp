#include "backend/session_text.hpp"

#include <algorithm>

#include "session/settings.hpp"
#include "sql/lexer.hpp"

namespace heim::backend {
namespace {

using session::fold;
using sql::TokenKind;
using Kind = SessionAct::Kind;

struct Default {
  std::string_view name, reported, value;
};
constexpr Default defaults[] = {
    {"application_name", "application_name", ""},
    {"client_encoding", "client_encoding", "UTF8"},
    {"datestyle", "DateStyle", "ISO, MDY"},
    {"default_transaction_read_only", "default_transaction_read_only", "off"},
    {"intervalstyle", "IntervalStyle", "postgres"},
    {"standard_conforming_strings", "standard_conforming_strings", "on"},
    {"timezone", "TimeZone", "UTC"},
};

const Default* default_of(std::string_view name) {
  const auto* found = std::ranges::find(defaults, name, &Default::name);
  return found == std::end(defaults) ? nullptr : found;
}

int hex(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  const char letter = static_cast<char>(digit | 32);
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

// What a backslash stands for in E'...', as far as drivers and the engine write it. `rest` begins
// behind it, and ends up behind the whole. Nothing: it stands for nothing.
std::optional<char> unescape(std::string_view& rest) {
  if (rest.empty()) return std::nullopt;
  const char kind = rest.front();
  rest.remove_prefix(1);
  if (kind != 'x') return kind;
  if (rest.size() < 2 || hex(rest[0]) < 0 || hex(rest[1]) < 0) return std::nullopt;
  const int byte = hex(rest[0]) * 16 + hex(rest[1]);
  rest.remove_prefix(2);
  return static_cast<char>(byte);
}

// What E'...' and '...' stand for.
std::optional<std::string> unquote(std::string_view literal) {
  const bool escapes = literal.starts_with('E') || literal.starts_with('e');
  if (escapes) literal.remove_prefix(1);
  if (literal.size() < 2 || literal.front() != '\'' || literal.back() != '\'') return std::nullopt;
  std::string_view rest = literal.substr(1, literal.size() - 2);
  std::string out;
  while (!rest.empty()) {
    std::optional<char> next = rest.front();
    rest.remove_prefix(1);
    if (next == '\'') {
      if (!rest.starts_with('\'')) return std::nullopt;  // continued on another line
      rest.remove_prefix(1);
    } else if (escapes && next == '\\') {
      next = unescape(rest);
    }
    if (!next) return std::nullopt;
    out += *next;
  }
  return out;
}

/// Reads statement by statement. Each step says whether the text goes on as it expects.
class Reader {
 public:
  explicit Reader(std::string_view sql) : lexer_(sql), token_(lexer_.next()) {}

  bool at_end() const { return token_.kind == TokenKind::end; }
  bool is(std::string_view word) const { return fold(token_.text) == word; }
  bool take(std::string_view word) {
    if (!is(word)) return false;
    token_ = lexer_.next();
    return true;
  }
  bool ends() { return at_end() || take(";"); }
  void skip_empty() {
    while (take(";")) {
    }
  }

  // a, "a", a.b
  std::optional<std::string> name() {
    std::string out;
    do {
      if (!out.empty()) out += '.';
      const std::string_view text = token_.text;
      if (token_.kind == TokenKind::identifier) {
        out += fold(text);
      } else if (token_.kind == TokenKind::quoted && text.size() > 2) {
        out += fold(text.substr(1, text.size() - 2));
      } else {
        return std::nullopt;
      }
      token_ = lexer_.next();
    } while (take("."));
    return out;
  }

  std::optional<std::string> literal() {
    if (token_.kind != TokenKind::string) return std::nullopt;
    auto out = unquote(token_.text);
    token_ = lexer_.next();
    return out;
  }

  // A value of SET: a literal, a word, a number, or a list of such.
  std::optional<std::string> value() {
    std::string out;
    do {
      if (!out.empty()) out += ", ";
      if (token_.kind == TokenKind::string) {
        const auto text = literal();
        if (!text) return std::nullopt;
        out += *text;
        continue;
      }
      if (take("-")) out += '-';
      if (token_.kind == TokenKind::quoted) {
        out += token_.text.substr(1, token_.text.size() - 2);
      } else if (token_.kind == TokenKind::identifier || token_.kind == TokenKind::number) {
        out += token_.text;
      } else {
        return std::nullopt;
      }
      token_ = lexer_.next();
    } while (take(","));
    return out;
  }

 private:
  sql::Lexer lexer_;
  sql::Token token_;
};

using Acts = std::vector<SessionAct>;

bool read_set(Reader& in, Acts& acts) {
  in.take("session");
  std::optional<std::string> name;
  if (in.take("time")) {
    if (!in.take("zone")) return false;
    name = "timezone";
  } else if (in.take("names")) {
    name = "client_encoding";
  } else {
    name = in.name();
    if (!name || !(in.take("=") || in.take("to"))) return false;
  }
  if (in.take("default")) return acts.push_back({Kind::reset, *name}), true;
  const auto value = in.value();
  if (!value) return false;
  acts.push_back({Kind::set, *name, *value});
  return true;
}

bool read_reset(Reader& in, Acts& acts) {
  if (in.take("all")) return acts.push_back({Kind::reset_all}), true;
  if (in.take("role")) return acts.push_back({Kind::nothing}), true;
  if (in.take("session")) {
    return in.take("authorization") && (acts.push_back({Kind::nothing}), true);
  }
  const auto name = in.name();
  if (name) acts.push_back({Kind::reset, *name});
  return name.has_value();
}

// SELECT set_config('name', 'value', false), ...
bool read_set_config(Reader& in, Acts& acts) {
  do {
    const auto function = in.name();
    if (function != "set_config" && function != "pg_catalog.set_config") return false;
    if (!in.take("(")) return false;
    const auto name = in.literal();
    if (!name || !in.take(",")) return false;
    const auto value = in.literal();
    if (!value || !in.take(",") || !in.take("false") || !in.take(")")) return false;
    acts.push_back({Kind::set_config, fold(*name), *value});
  } while (in.take(","));
  return true;
}

bool read_deallocate(Reader& in, Acts& acts) {
  in.take("prepare");
  if (in.take("all")) return acts.push_back({Kind::deallocate_all}), true;
  const auto name = in.name();
  if (name) acts.push_back({Kind::deallocate, *name});
  return name.has_value();
}

bool read_show(Reader& in, Acts& acts) {
  const auto name = in.name();
  if (name) acts.push_back({Kind::show, *name});
  return name.has_value();
}

bool read_one(Reader& in, Acts& acts) {
  if (in.take("set")) return read_set(in, acts);
  if (in.take("reset")) return read_reset(in, acts);
  if (in.take("select")) return read_set_config(in, acts);
  if (in.take("show")) return read_show(in, acts);
  if (in.take("deallocate")) return read_deallocate(in, acts);
  if (in.take("discard")) return in.take("all") && (acts.push_back({Kind::discard_all}), true);
  return false;
}

}  // namespace

std::optional<Acts> read_session_text(std::string_view sql) {
  Reader in(sql);
  Acts acts;
  for (in.skip_empty(); !in.at_end(); in.skip_empty()) {
    if (!read_one(in, acts) || !in.ends()) return std::nullopt;
  }
  if (acts.empty()) return std::nullopt;
  return acts;
}

bool is_empty_text(std::string_view sql) {
  Reader in(sql);
  in.skip_empty();
  return in.at_end();
}

// ---- parameters ---------------------------------------------------------------------

Parameters::Parameters() {
  for (const Default& each : defaults) values_.emplace(each.name, each.value);
}

std::string_view Parameters::reported_name(std::string_view name) {
  const Default* known = default_of(name);
  return known ? known->reported : std::string_view();
}

const std::string* Parameters::find(std::string_view name) const {
  const auto at = values_.find(name);
  return at == values_.end() ? nullptr : &at->second;
}

namespace {

// What drivers rely on to read and write values.
bool can_be(const std::string& name, std::string folded) {
  if (name == "client_encoding") {  // whose names have letters and digits alone
    std::erase_if(folded, [](char c) { return (c < 'a' || c > 'z') && (c < '0' || c > '9'); });
    return folded == "utf8" || folded == "unicode";
  }
  if (name == "standard_conforming_strings") return folded == "on" || folded == "true";
  return name != "datestyle" || folded.starts_with("iso");
}

}  // namespace

Result<std::string> Parameters::set(const std::string& name, const std::string& value) {
  if (!can_be(name, fold(value))) {
    return Error{
        "22023", "invalid value for parameter \"" + name + "\": \"" + value + "\"", {}, {}};
  }
  // Those that may have one value alone are always called the same.
  const bool fixed =
      name == "client_encoding" || name == "standard_conforming_strings" || name == "datestyle";
  const std::string kept = fixed ? std::string(default_of(name)->value) : value;
  values_[name] = kept;
  return kept;
}

std::vector<std::string> Parameters::reset(const std::string& name) {
  const auto at = values_.find(name);
  if (at == values_.end()) return {};
  const Default* known = default_of(name);
  if (!known) return values_.erase(at), std::vector<std::string>{};
  if (at->second == known->value) return {};
  at->second = known->value;
  return {name};
}

std::vector<std::string> Parameters::reset_all() {
  std::vector<std::string> names, changed;
  for (const auto& [name, value] : values_) names.push_back(name);
  for (const std::string& name : names) {
    for (std::string& each : reset(name)) changed.push_back(std::move(each));
  }
  return changed;
}

}  // namespace heim::backend
