#include "config/json.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

namespace heim::config {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t max_depth = 16;
constexpr std::size_t max_names = 1000;  // in one object: none of ours has a tenth of it

/// Walks over the text for nlohmann's lexer and tells how far it got: the parser itself gives no
/// positions to those who listen.
class Cursor {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  Cursor(const char* at, std::size_t* offset) : at_(at), offset_(offset) {}
  reference operator*() const { return *at_; }
  Cursor& operator++() {
    ++at_;
    ++*offset_;
    return *this;
  }
  Cursor operator++(int) {
    Cursor before = *this;
    ++*this;
    return before;
  }
  bool operator==(const Cursor& other) const { return at_ == other.at_; }

 private:
  const char* at_;
  std::size_t* offset_;
};

/// Offsets to lines and columns, asked for in rising order.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {}
  Position at(std::size_t offset) {
    if (offset < seen_) *this = Lines(text_);
    for (; seen_ < std::min(offset, text_.size()); ++seen_) {
      if (text_[seen_] != '\n') continue;
      ++line_;
      start_ = seen_ + 1;
    }
    return {line_, static_cast<std::uint32_t>(seen_ - start_ + 1)};
  }

 private:
  std::string_view text_;
  std::size_t seen_ = 0, start_ = 0;
  std::uint32_t line_ = 1;
};

/// Where the string starts whose closing quote is the character before `end`.
std::size_t string_start(std::string_view text, std::size_t end) {
  std::size_t at = end < 2 ? 0 : end - 2;
  for (; at > 0; --at) {
    if (text[at] != '"') continue;
    std::size_t slashes = 0;
    while (slashes < at && text[at - 1 - slashes] == '\\') ++slashes;
    if (slashes % 2 == 0) break;
  }
  return at;
}

/// nlohmann's event interface: builds the tree. The names are the library's.
class Builder {
 public:
  Builder(std::string_view text, const std::size_t& offset)
      : text_(text), offset_(offset), lines_(text) {}

  bool null() { return put(Value(Value::Kind::null)); }
  bool boolean(bool flag) {
    Value value(Value::Kind::boolean);
    value.boolean = flag;
    return put(std::move(value));
  }
  bool number_integer(std::int64_t number) {
    Value value(Value::Kind::integer);
    value.integer = number;
    return put(std::move(value));
  }
  bool number_unsigned(std::uint64_t number) {
    constexpr auto max = std::numeric_limits<std::int64_t>::max();  // no key takes more
    return number_integer(static_cast<std::int64_t>(std::min<std::uint64_t>(number, max)));
  }
  bool number_float(double number, const std::string&) {
    Value value(Value::Kind::real);
    value.real = number;
    return put(std::move(value));
  }
  bool string(std::string& text) {
    Value value(Value::Kind::text);
    value.text = std::move(text);
    return put(std::move(value));
  }
  bool binary(std::vector<std::uint8_t>&) { return false; }  // not in text
  bool start_object(std::size_t) { return open(Value::Kind::table); }
  bool start_array(std::size_t) { return open(Value::Kind::list); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string& name) {
    name_at_ = lines_.at(string_start(text_, offset_));
    const auto& items = open_.back().items;
    if (items.size() >= max_names) return fail("more names than any object has", name_at_);
    if (std::ranges::any_of(items, [&](const Value& item) { return item.name == name; })) {
      return fail("'" + name + "' is given twice", name_at_);
    }
    name_ = std::move(name);
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) {
    std::string what = error.what();
    // "[json.exception...] parse error at line 1, column 2: syntax error ...; last read: '...'".
    if (const auto at = what.find("syntax error"); at != std::string::npos) what.erase(0, at);
    if (what.starts_with('[')) what = "a number is out of range";
    what.erase(std::min(what.find("; last read:"), what.size()));
    return fail("not valid JSON: " + what, lines_.at(offset_ == 0 ? 0 : offset_ - 1));
  }

  Value& root() { return root_; }
  Diagnostic& problem() { return problem_; }

 private:
  bool fail(std::string message, Position at) {
    problem_.line = at.line;
    problem_.column = at.column;
    problem_.message = std::move(message);
    return false;
  }
  void place(Value& value) {
    if (!open_.empty() && open_.back().kind == Value::Kind::table) {
      value.name = std::move(name_);
      value.at = name_at_;
    } else {
      const std::size_t end = offset_;
      value.at =
          lines_.at(value.kind == Value::Kind::text ? string_start(text_, end) : end - (end > 0));
    }
  }
  bool put(Value value) {
    place(value);
    return attach(std::move(value));
  }
  bool attach(Value value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else {
      open_.back().items.push_back(std::move(value));
    }
    return true;
  }
  bool open(Value::Kind kind) {
    Value value(kind);
    place(value);
    if (open_.size() >= max_depth) return fail("nested too deeply", value.at);
    open_.push_back(std::move(value));
    return true;
  }
  bool close() {
    Value value = std::move(open_.back());
    open_.pop_back();
    return attach(std::move(value));
  }

  std::string_view text_;
  const std::size_t& offset_;
  Lines lines_;
  std::string name_;
  Position name_at_;
  std::vector<Value> open_;
  Value root_;
  Diagnostic problem_;
};

Json to_json_value(const Value& value) {
  switch (value.kind) {
    case Value::Kind::boolean:
      return value.boolean;
    case Value::Kind::integer:
      return value.integer;
    case Value::Kind::real:
      return value.real;
    case Value::Kind::text:
      return value.text;
    case Value::Kind::list: {
      Json out = Json::array();
      for (const Value& item : value.items) out.push_back(to_json_value(item));
      return out;
    }
    case Value::Kind::table: {
      Json out = Json::object();
      for (const Value& item : value.items) out[item.name] = to_json_value(item);
      return out;
    }
    case Value::Kind::null:
    case Value::Kind::other:
      break;
  }
  return nullptr;
}

}  // namespace

Parsed parse_json(std::string_view text) {
  Diagnostic problem;
  if (text.size() > max_file_bytes) {
    problem.message = "the file is larger than 4 MiB";
    return problem;
  }
  std::size_t offset = 0;
  Builder builder(text, offset);
  const bool good =
      Json::sax_parse(Cursor(text.data(), &offset), Cursor(text.data() + text.size(), &offset),
                      &builder, nlohmann::detail::input_format_t::json, true);
  if (!good) return std::move(builder.problem());
  if (builder.root().kind == Value::Kind::table) return std::move(builder.root());
  problem.message = "the file must hold one object, { ... }";
  return problem;
}

std::string write_json(const Value& value) {
  return to_json_value(value).dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace heim::config
