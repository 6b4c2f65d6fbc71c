#include "capi/guard.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <new>
#include <string>
#include <system_error>

using heim::capi::Failure;
using heim::capi::first_line;
using heim::capi::guard;

namespace {

template <class Thrown>
heim_error thrown(const Thrown& what) {
  heim_error error{};
  const heim_status status = guard(&error, [&] { throw what; });
  CHECK(status == error.status);
  CHECK(guard(nullptr, [&] { throw what; }) == status);
  return error;
}

}  // namespace

TEST_CASE("every exception is a status with its message") {
  const heim_error failure = thrown(Failure(HEIM_STATE, "not now"));
  CHECK(failure.status == HEIM_STATE);
  CHECK(std::string(failure.message) == "not now");
  CHECK(std::string(failure.sqlstate).empty());

  const heim_error said = thrown(Failure(HEIM_CONFIG, heim::Error{"28P01", "a", "b", "c"}));
  CHECK(std::string(said.message) == "a: b (c)");
  CHECK(std::string(said.sqlstate) == "28P01");

  CHECK(thrown(std::bad_alloc()).status == HEIM_NO_MEMORY);
  CHECK(std::string(thrown(std::bad_alloc()).message) == heim_status_text(HEIM_NO_MEMORY));
  const auto again = std::make_error_code(std::errc::resource_unavailable_try_again);
  CHECK(thrown(std::system_error(again, "thread")).status == HEIM_SYSTEM);
  CHECK(std::string(thrown(std::logic_error("oops")).message) == "oops");
  CHECK(thrown(std::logic_error("oops")).status == HEIM_INTERNAL);
  CHECK(thrown(42).status == HEIM_INTERNAL);
}

TEST_CASE("success does not touch the error") {
  heim_error error{};
  error.status = HEIM_STATE;
  CHECK(guard(&error, [] {}) == HEIM_OK);
  CHECK(error.status == HEIM_STATE);
}

TEST_CASE("a long message is cut between characters") {
  for (std::size_t lead = 495; lead < 505; ++lead) {
    const std::string text = std::string(lead, 'a') + "\xF0\x9F\x90\x98\xF0\x9F\x90\x98";
    const heim_error error = thrown(Failure(HEIM_CONFIG, text));
    const std::string got = error.message;
    CHECK(got.size() < sizeof error.message);
    CHECK(got.size() >= sizeof error.message - 5);
    CHECK(text.starts_with(got));
    CHECK((got.size() <= lead || (got.size() - lead) % 4 == 0));
  }
}

TEST_CASE("the first of several lines") {
  CHECK(first_line("one\n") == "one");
  CHECK(first_line("one") == "one");
  CHECK(first_line("one\ntwo\nthree\n") == "one (and 2 more)");
  CHECK(first_line("").empty());
}
