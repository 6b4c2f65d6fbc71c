#include "base/list.hpp"

#include <doctest/doctest.h>

#include <vector>

using heim::List;
using heim::ListHook;

namespace {

struct Item {
  int value;
  ListHook<Item> first;
  ListHook<Item> second;
};
using First = List<Item, &Item::first>;
using Second = List<Item, &Item::second>;

std::vector<int> forward(const First& list) {
  std::vector<int> out;
  for (const Item* item = list.front(); item; item = First::next(*item)) {
    out.push_back(item->value);
  }
  return out;
}

/// The same order read over the back links.
std::vector<int> backward(const First& list) {
  std::vector<int> out;
  for (const Item* item = list.back(); item; item = item->first.prev) {
    out.insert(out.begin(), item->value);
  }
  return out;
}

void check(const First& list, const std::vector<int>& expected) {
  CHECK(forward(list) == expected);
  CHECK(backward(list) == expected);
  CHECK(list.size() == expected.size());
  CHECK(list.empty() == expected.empty());
}

struct Four {
  Item a{1, {}, {}}, b{2, {}, {}}, c{3, {}, {}}, d{4, {}, {}};
  First list;
  Four() {
    for (Item* item : {&a, &b, &c}) list.push_back(*item);
  }
};

}  // namespace

TEST_CASE("an empty list") {
  First list;
  check(list, {});
  CHECK(list.front() == nullptr);
  CHECK(list.back() == nullptr);
  CHECK(list.pop_front() == nullptr);
  CHECK(list.pop_back() == nullptr);
}

TEST_CASE("push at both ends") {
  Four four;
  check(four.list, {1, 2, 3});
  four.list.push_front(four.d);
  check(four.list, {4, 1, 2, 3});
  First other;
  Item only{9, {}, {}};
  other.push_front(only);
  check(other, {9});
  CHECK(other.front() == other.back());
}

TEST_CASE("insert behind one, or in front of all") {
  Four four;
  four.list.insert_after(&four.a, four.d);
  check(four.list, {1, 4, 2, 3});
  four.list.remove(four.d);
  four.list.insert_after(&four.c, four.d);
  check(four.list, {1, 2, 3, 4});
  four.list.remove(four.d);
  four.list.insert_after(nullptr, four.d);
  check(four.list, {4, 1, 2, 3});
  First other;
  Item only{9, {}, {}};
  other.insert_after(nullptr, only);
  check(other, {9});
}

TEST_CASE("remove: first, middle, last, alone, twice, never linked") {
  {
    Four four;
    four.list.remove(four.a);
    check(four.list, {2, 3});
  }
  {
    Four four;
    four.list.remove(four.b);
    check(four.list, {1, 3});
    CHECK_FALSE(First::contains(four.b));
    four.list.remove(four.b);
    four.list.remove(four.d);
    check(four.list, {1, 3});
    four.list.push_back(four.b);
    check(four.list, {1, 3, 2});
  }
  {
    Four four;
    four.list.remove(four.c);
    check(four.list, {1, 2});
    four.list.remove(four.a);
    four.list.remove(four.b);
    check(four.list, {});
    four.list.push_front(four.c);
    check(four.list, {3});
  }
}

TEST_CASE("pop takes from its end") {
  Four four;
  CHECK(four.list.pop_front() == &four.a);
  CHECK(four.list.pop_back() == &four.c);
  check(four.list, {2});
  CHECK(four.list.pop_back() == &four.b);
  check(four.list, {});
  CHECK_FALSE(First::contains(four.a));
}

TEST_CASE("an item stands in one list per hook") {
  Four four;
  Second other;
  other.push_back(four.b);
  other.push_front(four.a);
  four.list.remove(four.a);
  check(four.list, {2, 3});
  CHECK(other.size() == 2);
  CHECK(other.front() == &four.a);
  CHECK(Second::contains(four.a));
}
