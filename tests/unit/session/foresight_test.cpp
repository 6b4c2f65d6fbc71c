// What is asked next, learned from what is asked.
#include "session/foresight.hpp"

#include <doctest/doctest.h>

#include <initializer_list>

#include "wire/encoder.hpp"

namespace heim::session::test {
namespace {

using std::chrono::seconds;
using Texts = std::initializer_list<const char*>;

const Form list{{1, 1}, "select id, owner from items", {}, true};
const Form item{{2, 2}, "select * from items where id = $1", {}, true};
const Form owner{{3, 3}, "select * from owners where id = $1", {}, true};

void put16(std::string& out, std::size_t number) {
  (out += static_cast<char>(number >> 8)) += static_cast<char>(number & 0xff);
}

void put_value(std::string& out, const char* text) {
  const std::string_view value = text == nullptr ? "" : text;
  const std::size_t size = text == nullptr ? ~std::size_t{0} : value.size();
  put16(out, size >> 16 & 0xffff);
  put16(out, size & 0xffff);
  out += value;
}

/// In text, or all of them binary.
std::string parameters(Texts values, bool binary = false) {
  std::string out;
  put16(out, binary ? 1 : 0);
  if (binary) put16(out, 1);
  put16(out, values.size());
  for (const char* value : values) put_value(out, value);
  return out;
}

/// One, binary: as it is made.
std::string binary_parameter(std::string_view value) {
  std::string out;
  for (const std::size_t number :
       {std::size_t{1}, std::size_t{1}, std::size_t{1}, std::size_t{0}}) {
    put16(out, number);
  }
  put16(out, value.size());
  return out.append(value);
}

std::string answer(std::initializer_list<Texts> rows) {
  std::string out;
  wire::message(out, 'T', std::string_view("\0\0", 2));
  for (const Texts& row : rows) {
    std::string body;
    put16(body, row.size());
    for (const char* value : row) put_value(body, value);
    wire::message(out, 'D', body);
  }
  wire::command_complete(out, "SELECT");
  return out;
}

struct Watcher {
  Foresight foresight;
  Foresight::Trails trails;
  Instant now{seconds(1000)};

  void asks(const Form& form, Texts values, bool binary = false) {
    foresight.asked(trails, form, as_bytes(parameters(values, binary)), now);
  }
  /// What is foreseen: its parameters.
  std::vector<std::string> is_answered(const Form& form, std::initializer_list<Texts> rows) {
    std::vector<std::string> next;
    for (const auto& each : foresight.answered(trails, form, as_bytes(answer(rows)), now)) {
      next.push_back(each.parameters);
    }
    return next;
  }
  /// As often as it takes.
  void learns() {
    for (std::uint32_t i = 0; i < Foresight::least; ++i) {
      is_answered(list, {{"10", "77"}, {"11", "78"}});
      asks(item, {"10"});
    }
  }
};

/// As it is made from a row.
std::string made(Texts values) {
  std::string out;
  put16(out, values.size());
  for (std::size_t i = 0; i < values.size(); ++i) put16(out, 0);
  put16(out, values.size());
  for (const char* value : values) put_value(out, value);
  return out;
}

TEST_CASE("what has followed several times is foreseen, with values of the new answer") {
  Watcher watcher;
  for (std::uint32_t i = 0; i < Foresight::least; ++i) {
    CHECK(watcher.is_answered(list, {{"10", "77"}}).empty());
    watcher.asks(item, {"10"});
  }
  const auto next = watcher.foresight.answered(watcher.trails, list,
                                               as_bytes(answer({{"12", "79"}})), watcher.now);
  REQUIRE(next.size() == 1);
  CHECK(next[0].form.content == item.content);
  CHECK(next[0].form.describes);
  CHECK(next[0].parameters == made({"12"}));
}

TEST_CASE("rows are foreseen as far as they are usually asked for") {
  Watcher one, all;
  one.learns();
  CHECK(one.is_answered(list, {{"20", "1"}, {"21", "2"}}) == std::vector{made({"20"})});
  for (std::uint32_t i = 0; i < Foresight::least; ++i) {
    all.is_answered(list, {{"10", "77"}, {"11", "78"}});
    all.asks(item, {"10"});
    all.is_answered(item, {{"10", "a"}});
    all.asks(item, {"11"});
    all.is_answered(item, {{"11", "b"}});
  }
  CHECK(all.is_answered(list, {{"20", "1"}, {"21", "2"}, {"22", "3"}}) ==
        std::vector{made({"20"}), made({"21"})});
}

TEST_CASE("which column it is of becomes clear with time") {
  Watcher watcher;
  watcher.is_answered(list, {{"5", "5"}});
  watcher.asks(owner, {"5"});
  for (std::uint32_t i = 1; i < Foresight::least; ++i) {
    watcher.is_answered(list, {{"5", "6"}});
    watcher.asks(owner, {"6"});
  }
  CHECK(watcher.is_answered(list, {{"1", "2"}}) == std::vector{made({"2"})});
}

TEST_CASE("all parameters are of one row") {
  Watcher watcher;
  for (std::uint32_t i = 0; i < 5; ++i) {
    watcher.is_answered(list, {{"1", "2"}, {"3", "4"}});
    watcher.asks(owner, {"1", "4"});
  }
  CHECK(watcher.is_answered(list, {{"1", "2"}, {"3", "4"}}).empty());
  for (std::uint32_t i = 0; i < 5; ++i) {
    watcher.is_answered(list, {{"1", "2"}, {"3", "4"}});
    watcher.asks(owner, {"4", "3"});
  }
  CHECK(watcher.is_answered(list, {{"8", "9"}}) == std::vector{made({"9", "8"})});
}

TEST_CASE("what seldom follows is not believed, and is forgotten") {
  Watcher watcher;
  watcher.learns();
  for (int i = 0; i < 4; ++i) watcher.is_answered(list, {{"10", "77"}});
  CHECK(watcher.is_answered(list, {{"10", "77"}}).empty());
}

TEST_CASE("what follows late, or with other values, is by chance") {
  Watcher watcher;
  for (std::uint32_t i = 0; i < 10; ++i) {
    watcher.is_answered(list, {{"10", "77"}});
    watcher.asks(item, {"9"});
    watcher.now += Foresight::memory + seconds(1);
    watcher.asks(item, {"10"});
  }
  CHECK(watcher.is_answered(list, {{"10", "77"}}).empty());
  CHECK(watcher.foresight.forms() == 0);
}

TEST_CASE("values in other formats, NULL, none and long ones lead nowhere") {
  Watcher watcher;
  const std::string large(Foresight::longest_value + 1, 'x');
  for (std::uint32_t i = 0; i < 10; ++i) {
    watcher.is_answered(list, {{"10", nullptr}, {large.c_str(), ""}});
    watcher.asks(item, {"ten"}, true);
    watcher.asks(item, {nullptr});
    watcher.asks(item, {""});
    watcher.asks(item, {large.c_str()});
    watcher.asks(item, {});
  }
  CHECK(watcher.foresight.forms() == 0);
}

TEST_CASE("integers are the same however they are written") {
  Watcher watcher;
  for (std::uint32_t i = 0; i < Foresight::least; ++i) {
    watcher.is_answered(list, {{"300", "77"}});
    const std::string body = binary_parameter(std::string_view("\x01\x2c", 2));
    watcher.foresight.asked(watcher.trails, item, as_bytes(body), watcher.now);
  }
  CHECK(watcher.is_answered(list, {{"-2", "1"}}) ==
        std::vector{binary_parameter(std::string_view("\xff\xfe", 2))});
  CHECK(watcher.is_answered(list, {{"-32768", "1"}}) ==
        std::vector{binary_parameter(std::string_view("\x80\0", 2))});
  CHECK(watcher.is_answered(list, {{"32768", "1"}}).empty());
  CHECK(watcher.is_answered(list, {{"two", "1"}}).empty());
}

TEST_CASE("what was answered long ago is let go") {
  Foresight foresight;
  Foresight::Trails trails;
  const Bytes formats{};
  const auto form = [&](std::uint64_t number) {
    return Form{{number, number}, std::string_view("select\0\0\0", 9), formats, false};
  };
  Instant now{std::chrono::seconds(100)};
  for (std::uint64_t number = 1; number <= 2; ++number)
    foresight.answered(trails, form(number), {}, now);
  CHECK(trails.size() == 2);
  now += Foresight::memory + std::chrono::milliseconds(1);
  foresight.answered(trails, form(3), {}, now);
  CHECK(trails.size() == 1);
}

TEST_CASE("the same question again is not what follows") {
  Watcher watcher;
  for (std::uint32_t i = 0; i < 10; ++i) {
    watcher.asks(item, {"10"});
    watcher.is_answered(item, {{"10", "a"}});
  }
  CHECK(watcher.foresight.forms() == 0);
}

TEST_CASE("how many forms there may be is bounded") {
  Watcher watcher;
  for (std::uint64_t i = 0; i < 2 * Foresight::most_forms; ++i) {
    const Form form{{100 + i, i}, "select", {}, false};
    watcher.is_answered(form, {{"10"}});
    watcher.asks(item, {"10"});
  }
  CHECK(watcher.foresight.forms() <= Foresight::most_forms);
}

TEST_CASE("messages that are not whole are no reason to read beyond them") {
  Watcher watcher;
  const std::string whole = answer({{"10", "77"}}), bind = parameters({"10"});
  for (std::size_t i = 0; i <= whole.size(); ++i) {
    watcher.foresight.answered(watcher.trails, list, as_bytes(whole).first(i), watcher.now);
  }
  for (std::size_t i = 0; i < bind.size(); ++i) {
    watcher.foresight.asked(watcher.trails, item, as_bytes(bind).first(i), watcher.now);
  }
  CHECK(watcher.foresight.forms() == 0);
}

}  // namespace
}  // namespace heim::session::test
