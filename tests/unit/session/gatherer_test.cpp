#include "session/gatherer.hpp"

#include <doctest/doctest.h>

#include <string>

#include "wire/encoder.hpp"

namespace heim::session::test {
namespace {

using State = Gatherer::State;

std::string message(char tag, std::string_view body) {
  std::string out;
  wire::message(out, tag, body);
  return out;
}

std::string made_of(std::string_view tags) {
  std::string out;
  for (const char tag : tags) {
    out += message(tag, tag == 'Z' ? "I" : std::string(tag == 'D' ? 300 : 7, tag));
  }
  return out;
}

State whole_in_parts(std::string_view bytes, std::size_t size, Gatherer& gatherer) {
  for (std::size_t at = 0; at < bytes.size(); at += size) {
    gatherer.add(as_bytes(bytes.substr(at, size)));
  }
  return gatherer.state();
}

}  // namespace

TEST_CASE("answers that are kept, in pieces of any size") {
  for (const std::string_view tags :
       {"TDDCZ", "TCZ", "12TDCZ", "2TDCZ", "2DDDCZ", "2CZ", "2DsZ", "TDDsZ"}) {
    const std::string bytes = made_of(tags);
    for (std::size_t size : {std::size_t{1}, std::size_t{4}, std::size_t{5}, std::size_t{6},
                             std::size_t{64}, bytes.size()}) {
      CAPTURE(tags);
      CAPTURE(size);
      Gatherer gatherer(10'000);
      CHECK(whole_in_parts(bytes, size, gatherer) == State::whole);
      std::string kept;
      for (const char tag : tags) {
        if (std::string_view("TDCs").find(tag) != std::string_view::npos) {
          kept += made_of(std::string_view(&tag, 1));
        }
      }
      CHECK(as_text(gatherer.bytes()) == kept);
    }
  }
}

TEST_CASE("what is not the answer to one read that went well") {
  // Twice a part: it was asked again elsewhere. Errors, notices, parameters, COPY, no rows at all.
  for (const std::string_view tags :
       {"TTDCZ", "TDTDCZ", "22TDCZ", "12T12TDCZ", "TDE", "ETDCZ", "N",     "TNDCZ",
        "TSDCZ", "TDCCZ",  "TDCS",   "H",         "I",   "2n",    "TDsDZ", "TDsCZ",
        "TDCsZ", "Z",      "A",      "TZ",        "1Z",  "t",     "21TDCZ"}) {
    CAPTURE(tags);
    Gatherer gatherer(10'000);
    CHECK(whole_in_parts(made_of(tags), 3, gatherer) == State::spoilt);
    CHECK(gatherer.bytes().empty());
    CHECK_FALSE(gatherer.too_large());
  }
}

TEST_CASE("one that is too large is not kept, nor gathered") {
  const std::string bytes = made_of("TDDDDCZ");
  Gatherer gatherer(1'000);
  CHECK(whole_in_parts(bytes, 100, gatherer) == State::spoilt);
  CHECK(gatherer.too_large());
  CHECK(gatherer.bytes().empty());
}

}  // namespace heim::session::test
