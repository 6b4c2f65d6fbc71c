// Bytes of a Redis server to values. Incremental: however the bytes are cut, the values are the
// same. Bounded: nothing is set aside for what is only announced.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "redis/value.hpp"

namespace heim::redis {

class Parser {
 public:
  struct Limits {
    std::size_t bytes = 64u << 20;  // of one value with all that is in it
    std::size_t items = 1u << 20;   // likewise
    std::size_t depth = 16;
  };
  Parser() : Parser(Limits()) {}
  explicit Parser(Limits limits) : limits_(limits) {}

  /// Appends the values that end here. False: it is not RESP, or beyond the limits; nothing can be
  /// read from here on.
  bool feed(Bytes bytes, std::vector<Value>& out);
  /// Why, after a false.
  std::string_view error() const { return error_; }
  /// Nothing is half read.
  bool is_between() const { return stack_.empty() && line_.empty() && !in_bulk_; }

 private:
  /// A list that is open.
  struct Open {
    Value value;
    std::uint64_t left = 0;  // items
    bool dropped = false;    // an attribute: nobody wants it
  };

  std::size_t take_line(Bytes bytes, std::vector<Value>& out);
  std::size_t take_bulk(Bytes bytes, std::vector<Value>& out);
  bool begin(std::vector<Value>& out);
  bool begin_number(char tag, std::string_view rest, std::vector<Value>& out);
  bool begin_bulk(char tag, std::uint64_t size);
  bool begin_list(char tag, std::uint64_t size, std::vector<Value>& out);
  bool finish(Value value, std::vector<Value>& out);
  bool count(std::size_t bytes);
  bool fail(std::string_view why);

  Limits limits_;
  std::string line_;  // of a header, without its end
  bool in_bulk_ = false;
  Value bulk_;
  char bulk_tag_ = 0;
  std::size_t bulk_left_ = 0;  // with the line end behind it
  std::vector<Open> stack_;
  std::size_t bytes_ = 0, items_ = 0;  // of the value at hand
  std::string_view error_;
};

}  // namespace heim::redis
