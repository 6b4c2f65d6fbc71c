#include "redis/parser.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace heim::redis {
namespace {

using Kind = Value::Kind;

constexpr std::size_t longest_line = 64 * 1024;

std::optional<std::int64_t> number_of(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || at != end) return std::nullopt;
  return number;
}

Value value_of(Kind kind, std::string_view text) {
  Value value;
  value.kind = kind;
  value.text = text;
  return value;
}

Value value_of(Kind kind, std::int64_t number) {
  Value value;
  value.kind = kind;
  value.number = number;
  return value;
}

}  // namespace

bool Parser::fail(std::string_view why) {
  if (error_.empty()) error_ = why;
  return false;
}

bool Parser::count(std::size_t bytes) {
  bytes_ += bytes;
  return bytes_ <= limits_.bytes || fail("a value is larger than the limit");
}

bool Parser::feed(Bytes bytes, std::vector<Value>& out) {
  while (!bytes.empty() && error_.empty()) {
    const std::size_t taken = in_bulk_ ? take_bulk(bytes, out) : take_line(bytes, out);
    bytes = bytes.subspan(taken);
  }
  return error_.empty();
}

// Up to the end of a line; its end may be cut in two.
std::size_t Parser::take_line(Bytes bytes, std::vector<Value>& out) {
  const auto end = std::ranges::find(bytes, std::uint8_t{'\n'});
  const auto taken = static_cast<std::size_t>(end - bytes.begin());
  line_.append(as_text(bytes.first(taken)));
  if (line_.size() > longest_line) fail("a line is longer than the limit");
  if (end == bytes.end()) return taken;
  if (!line_.ends_with('\r')) {
    fail("a line does not end with CR LF");
  } else {
    line_.pop_back();
    if (count(line_.size() + 2)) begin(out);
    line_.clear();
  }
  return taken + 1;
}

std::size_t Parser::take_bulk(Bytes bytes, std::vector<Value>& out) {
  const std::size_t taken = std::min(bytes.size(), bulk_left_);
  bulk_.text.append(as_text(bytes.first(taken)));
  bulk_left_ -= taken;
  if (bulk_left_ > 0) return taken;
  in_bulk_ = false;
  if (!bulk_.text.ends_with("\r\n")) {
    fail("a text is not as long as announced");
    return taken;
  }
  bulk_.text.resize(bulk_.text.size() - 2);
  if (bulk_tag_ == '=') {  // "txt:" stands in front
    if (bulk_.text.size() < 4 || bulk_.text[3] != ':') {
      fail("a verbatim text does not say what it is");
      return taken;
    }
    bulk_.text.erase(0, 4);
  }
  finish(std::exchange(bulk_, {}), out);
  return taken;
}

// What a header line says.
bool Parser::begin(std::vector<Value>& out) {
  if (++items_ > limits_.items) return fail("a value has more parts than the limit");
  if (line_.empty()) return fail("an empty line");
  const char tag = line_[0];
  const std::string_view rest = std::string_view(line_).substr(1);
  switch (tag) {
    case '+':
    case '(':
      return finish(value_of(Kind::text, rest), out);
    case '-':
      return finish(value_of(Kind::error, rest), out);
    case ',':
      return finish(value_of(Kind::real, rest), out);
    case '_':
      return rest.empty() ? finish({}, out) : fail("a null with a value");
    case '#':
      if (rest != "t" && rest != "f") return fail("a boolean is neither t nor f");
      return finish(value_of(Kind::boolean, rest == "t"), out);
    default:
      return begin_number(tag, rest, out);
  }
}

// Those whose line is a number.
bool Parser::begin_number(char tag, std::string_view rest, std::vector<Value>& out) {
  const std::optional<std::int64_t> number = number_of(rest);
  if (!number) return fail("a number is none");
  if (tag == ':') return finish(value_of(Kind::number, *number), out);
  const bool is_bulk = tag == '$' || tag == '!' || tag == '=';
  if (!is_bulk && std::string_view("*~%>|").find(tag) == std::string_view::npos) {
    return fail("a type that is not known");
  }
  if (*number == -1 && (tag == '$' || tag == '*')) return finish({}, out);  // RESP2's null
  if (*number < 0) return fail("a negative length");
  const auto size = static_cast<std::uint64_t>(*number);
  return is_bulk ? begin_bulk(tag, size) : begin_list(tag, size, out);
}

bool Parser::begin_bulk(char tag, std::uint64_t size) {
  if (size > limits_.bytes || !count(size + 2)) return fail("a value is larger than the limit");
  bulk_ = value_of(tag == '!' ? Kind::error : Kind::text, std::string_view());
  bulk_tag_ = tag;
  bulk_left_ = size + 2;
  in_bulk_ = true;
  return true;
}

bool Parser::begin_list(char tag, std::uint64_t size, std::vector<Value>& out) {
  const bool pairs = tag == '%' || tag == '|';
  if (size > limits_.items) return fail("a value has more parts than the limit");
  if (stack_.size() >= limits_.depth) return fail("a value is deeper than the limit");
  // A push stands by itself.
  if (tag == '>' && !stack_.empty()) return fail("a push within a value");
  Open open;
  open.value.kind = tag == '%' ? Kind::map : tag == '>' ? Kind::push : Kind::list;
  open.left = pairs ? 2 * size : size;
  open.dropped = tag == '|';
  if (open.left == 0) return open.dropped || finish(std::move(open.value), out);
  stack_.push_back(std::move(open));
  return true;
}

// A value is whole: it ends those that it is the last item of, too.
bool Parser::finish(Value value, std::vector<Value>& out) {
  while (!stack_.empty()) {
    Open& open = stack_.back();
    if (!open.dropped) open.value.items.push_back(std::move(value));
    if (--open.left > 0) return true;
    const bool dropped = open.dropped;
    value = std::move(open.value);
    stack_.pop_back();
    if (dropped) return true;  // what it belongs to comes now
  }
  out.push_back(std::move(value));
  bytes_ = items_ = 0;
  return true;
}

}  // namespace heim::redis
