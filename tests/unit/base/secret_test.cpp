#include "base/secret.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

using heim::Secret;

namespace {

const std::string short_text = "password";  // inside the string object
const std::string long_text(200, 'p');      // on the heap

/// Whether the text's bytes stand anywhere in the memory of `object` itself. Not byte for byte: a
/// pointer in it may have any byte.
template <class T>
bool holds(const T& object, std::string_view text) {
  std::string raw;
  const auto* bytes = reinterpret_cast<const volatile char*>(&object);
  for (std::size_t i = 0; i < sizeof object; ++i) raw += bytes[i];
  return raw.find(text) != std::string::npos;
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

TEST_CASE("Secrets compare by their whole text") {
  const Secret one{"secret"};
  CHECK(one == Secret{"secret"});
  for (const char* other : {"", "secre", "secrets", "Secret", "secreT"}) {
    CHECK_FALSE(one == Secret{other});
  }
  CHECK(Secret{} == Secret{""});
}

TEST_CASE("clear wipes the text in place, within the object and on the heap") {
  Secret small{short_text};
  CHECK(holds(small, short_text));
  small.clear();
  CHECK(small.empty());
  CHECK_FALSE(holds(small, "assword"));
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
  CHECK_FALSE(holds(from, "assword"));
  to = Secret{"x"};
  CHECK_FALSE(holds(to, "assword"));
}

TEST_CASE("the destructor wipes") {
  alignas(Secret) std::byte room[sizeof(Secret)];
  auto* secret = new (room) Secret{short_text};
  CHECK(holds(room, short_text));
  secret->~Secret();
  CHECK_FALSE(holds(room, "assword"));
}
