// What is asked again after a restart: the list of it, and the file.
#include "session/warm_list.hpp"

#include <doctest/doctest.h>

#include "session/question_file.hpp"

namespace heim::session::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

constexpr Instant start{std::chrono::seconds(1000)};
const Asker ann{"shop", "ann", {{"datestyle", "ISO"}, {"timezone", "UTC"}}};
const Asker bob{"shop", "bob", {}};

std::vector<std::string> all_of(WarmList& list, Instant now) {
  std::vector<std::string> batches;
  for (auto batch = list.next(now); batch; list.done(), batch = list.next(now)) {
    batches.push_back(*batch);
  }
  return batches;
}

TEST_CASE("one asker comes after the other, in the order of their first questions") {
  WarmList list({{ann, "1"}, {bob, "2"}, {ann, "3"}});
  CHECK(list.next_asker(start) == ann);
  CHECK(all_of(list, start) == std::vector<std::string>{"1", "3"});
  CHECK(list.next_asker(start) == bob);
  CHECK(all_of(list, start) == std::vector<std::string>{"2"});
  CHECK(list.next_asker(start) == std::nullopt);
  CHECK(list.counts().asked == 3);
  CHECK(list.counts().left == 0);
}

TEST_CASE("who cannot be asked for now comes later, and at last is left out") {
  WarmList list({{ann, "1"}, {ann, "2"}, {bob, "3"}});
  Instant now = start;
  CHECK(list.next_asker(now) == ann);
  CHECK(list.next(now) == "1");
  list.done();
  list.postpone(now);
  CHECK(list.next_asker(now) == bob);
  list.postpone(now);
  CHECK(list.next_asker(now) == std::nullopt);
  now += WarmList::pause;
  CHECK(list.next_asker(now) == ann);
  now += WarmList::patience + milliseconds(1);
  list.postpone(now);
  CHECK(list.counts().left_out == 1);
  CHECK(list.counts().left == 1);
  CHECK(list.next_asker(now) == bob);
  list.leave_out();
  CHECK(list.counts().left == 0);
  CHECK(list.counts().left_out == 2);
}

TEST_CASE("each question that can be asked gives its asker patience anew") {
  WarmList list({{ann, "1"}, {ann, "2"}});
  Instant now = start;
  for (int i = 0; i < 2; ++i) {
    CHECK(list.next_asker(now) == ann);
    CHECK(list.next(now).has_value());
    list.postpone(now);
    now += WarmList::patience - minutes(1);
  }
  CHECK(list.counts().left_out == 0);
}

TEST_CASE("what was not asked is the rest") {
  WarmList list({{ann, "1"}, {bob, "2"}, {ann, "3"}});
  CHECK(list.next_asker(start) == ann);
  CHECK(list.next(start) == "1");
  CHECK(list.rest().size() == 3);
  list.done();
  const std::vector<Question> rest = list.rest();
  REQUIRE(rest.size() == 2);
  CHECK(rest[0].asker == ann);
  CHECK(rest[0].batch == "3");
  CHECK(rest[1].asker == bob);
  CHECK(rest[1].batch == "2");
}

TEST_CASE("the file gives back what it was given") {
  const std::string zeros("Q\0\0\0\5", 5), large(70'000, 'x');
  const std::vector<Question> given = {{ann, zeros}, {ann, large}, {bob, ""}, {ann, "4"}};
  const auto read = read_questions(write_questions(given));
  REQUIRE(read);
  REQUIRE(read->size() == given.size());
  for (std::size_t i = 0; i < given.size(); ++i) {
    CHECK((*read)[i].asker == given[i].asker);
    CHECK((*read)[i].batch == given[i].batch);
  }
  CHECK(read_questions(write_questions({}))->empty());
}

TEST_CASE("a file that was cut anywhere, or of which a byte is another, is none") {
  const std::string whole = write_questions({{ann, "one"}, {bob, "two"}});
  for (std::size_t i = 0; i < whole.size(); ++i) {
    CHECK_FALSE(read_questions(std::string_view(whole).substr(0, i)));
    std::string other = whole;
    other[i] = static_cast<char>(other[i] ^ 1);
    CHECK_FALSE(read_questions(other));
  }
  CHECK_FALSE(read_questions(whole + "more"));
}

TEST_CASE("askers have numbers, up to a limit") {
  Askers askers;
  const std::uint32_t first = askers.number(ann);
  CHECK(first != 0);
  CHECK(askers.number(bob) != first);
  CHECK(askers.number(ann) == first);
  CHECK(askers.find(first) == ann);
  std::uint32_t last = 1;
  for (std::size_t i = 0; i <= Askers::limit && last != 0; ++i) {
    last = askers.number({"shop", std::to_string(i), {}});
  }
  CHECK(last == 0);
  CHECK(askers.number(bob) != 0);
}

TEST_CASE("whom no file and no startup packet can hold has no number") {
  Askers askers;
  CHECK(askers.number({"shop", "ann", {{"a.b", std::string(7'000, 'x')}}}) != 0);
  CHECK(askers.number({"shop", "ann", {{"a.b", std::string(9'000, 'x')}}}) == 0);
  CHECK(askers.number({"shop", "ann", {{std::string(1'024, 'x'), ""}}}) != 0);
  CHECK(askers.number({"shop", "ann", {{std::string(1'025, 'x'), ""}}}) == 0);
  CHECK(askers.number({std::string(1'025, 'x'), "ann", {}}) == 0);
  CHECK(askers.number({"shop", std::string(1'025, 'x'), {}}) == 0);
  const Asker longest{"shop", "ann", {{std::string(1'024, 'n'), std::string(7'000, 'x')}}};
  CHECK(askers.number(longest) != 0);
  const auto read = read_questions(write_questions({{longest, "1"}}));
  REQUIRE(read);
  CHECK(read->front().asker == longest);
}

TEST_CASE("a packed question gives back its parts") {
  const std::string packed = pack(77, "batch");
  CHECK(packed_asker(as_bytes(packed)) == 77);
  CHECK(packed_batch(as_bytes(packed)) == "batch");
}

}  // namespace
}  // namespace heim::session::test
