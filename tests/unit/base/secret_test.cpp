#include "base/secret.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <new>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

using heim::Secret;

namespace {

const std::string short_text = "pass";  // inside the string object
const std::string long_text(200, 'p');  // on the heap

/// How often `byte` stands in the memory of `object` itself.
template <class T>
auto count_in(const T& object, char byte) {
  const auto* raw = reinterpret_cast<const volatile char*>(&object);
  std::ptrdiff_t found = 0;
  for (std::size_t i = 0; i < sizeof object; ++i) found += raw[i] == byte;
  return found;
}

}  // namespace

// A Secret cannot be printed or compared by accident.
static_assert(!std::is_convertible_v<Secret, std::string_view>);
static_assert(!std::is_convertible_v<std::string_view, Secret>);

TEST_CASE("wipe overwrites what it is given and nothing else") {
  std::string text = "abcdef";
  heim::wipe(text.data() + 1, 3);
  CHECK(text == std::string("a\0\0\0ef", 6));
  heim::wipe(text.data(), 0);
  CHECK(text[0] == 'a');
  heim::wipe(nullptr, 0);
}

TEST_CASE("a Secret holds, copies and moves its text") {
  for (const std::string& text : {std::string(), short_text, long_text}) {
    Secret one{text};
    CHECK(one.view() == text);
    CHECK(one.empty() == text.empty());
    const Secret copy = one;
    Secret moved = std::move(one);
    CHECK(moved.view() == text);
    CHECK(copy.view() == text);
    CHECK(one.empty());  // a moved-from Secret is empty, not merely unspecified
    Secret assigned{"other"};
    assigned = copy;
    CHECK(assigned.view() == text);
    assigned = std::move(moved);
    CHECK(assigned.view() == text);
    Secret& same = assigned;
    assigned = same;
    CHECK(assigned.view() == text);
  }
}

TEST_CASE("clear wipes the text in place, within the object and on the heap") {
  Secret small{short_text};
  CHECK(count_in(small, 'p') > 0);
  small.clear();
  CHECK(small.empty());
  CHECK(count_in(small, 'p') == 0);
  Secret large{long_text};
  const volatile char* heap = large.view().data();
  large.clear();
  CHECK(large.empty());
  // The buffer is kept: what stood in it is gone.
  for (std::size_t i = 0; i < long_text.size(); ++i) CHECK(heap[i] == 0);
}

TEST_CASE("moving from a short Secret and assigning over one leave nothing behind") {
  Secret from{short_text};
  Secret to = std::move(from);
  CHECK(count_in(from, 'p') == 0);
  to = Secret{"x"};
  CHECK(count_in(to, 'p') == 0);
}

TEST_CASE("the destructor wipes") {
  alignas(Secret) std::byte room[sizeof(Secret)];
  auto* secret = new (room) Secret{short_text};
  CHECK(count_in(*secret, 'p') > 0);
  secret->~Secret();
  CHECK(std::count(std::begin(room), std::end(room), std::byte{'p'}) == 0);
}
