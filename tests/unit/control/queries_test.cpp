#include "control/queries.hpp"

#include <doctest/doctest.h>

using namespace heim;
using namespace heim::control;

TEST_CASE("positions are read as PostgreSQL writes them") {
  CHECK(parse_lsn("0/0") == 0);
  CHECK(parse_lsn("16/B374D848") == 0x16'B374'D848);
  CHECK(parse_lsn("FFFFFFFF/FFFFFFFF") == ~std::uint64_t{0});
  for (const char* bad : {"", "/", "1", "1/", "/1", "1/G", "1/1 ", "1/100000000"}) {
    CAPTURE(bad);
    CHECK(parse_lsn(bad) == 0);
  }
}

TEST_CASE("where the records end before a page's header") {
  constexpr std::uint64_t page = 8192, segment = 16 << 20;
  struct Row {
    std::uint64_t insert, end;
  };
  const Row rows[] = {
      {3 * segment + 40, 3 * segment},       // a new segment: its header is the long one
      {3 * segment + 24, 3 * segment + 24},  // cannot be there
      {3 * segment + page + 24, 3 * segment + page},
      {3 * segment + page + 40, 3 * segment + page + 40},  // the rest of a record may end there
      {3 * segment + page + 32, 3 * segment + page + 32},
      {3 * segment + 5000, 3 * segment + 5000},
      {3 * segment, 3 * segment},
  };
  for (const Row& row : rows) {
    CAPTURE(row.insert);
    CHECK(end_of_records(row.insert, page, segment) == row.end);
  }
  CHECK(end_of_records(24, 0, 0) == 24);
}

TEST_CASE("what an SQLSTATE says of a server") {
  using cluster::Failure;
  CHECK(trouble("53300", "", Failure::refused).kind == Failure::full);
  CHECK(trouble("57P03", "", Failure::refused).kind == Failure::starting);
  CHECK(trouble("28P01", "", Failure::refused).kind == Failure::denied);
  CHECK(trouble("42501", "", Failure::unhealthy).kind == Failure::denied);
  CHECK(trouble("22012", "", Failure::unhealthy).kind == Failure::unhealthy);
  CHECK(trouble("", "two\nlines\n", Failure::lost).text == "two lines");
}
