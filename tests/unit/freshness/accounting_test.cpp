#include "freshness/accounting.hpp"

#include <doctest/doctest.h>

#include <string_view>

#include "source.hpp"

namespace heim::freshness::test {

TEST_CASE("the ledger is believed only while all tell it, and then from a new position on") {
  // +, -: the next round begins, all are to tell or nobody. 1, 2: that round is done. s: a sample.
  struct Row {
    bool at_first;
    std::string_view steps;
    bool believed;
  };
  const Row rows[] = {
      {true, "", false},      {true, "s", true},      {false, "s", false},
      {true, "s+", true},     {true, "s+1", true},    {true, "s-", false},
      {true, "s-s", false},   {true, "s-1s", false},  {true, "s-1+s", false},
      {true, "s-1+2", false}, {true, "s-1+2s", true}, {true, "s-+1s", false},
      {true, "s-+2s", true},  {false, "+s", false},   {false, "+1s", true},
      {false, "+-1s", false}, {false, "+-2s", false}, {false, "++1s", false},
      {false, "++2s", true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.at_first);
    CAPTURE(row.steps);
    Ledger ledger;
    Accounting accounting(ledger, row.at_first);
    for (const char step : row.steps) {
      if (step == '+' || step == '-') accounting.begin(step == '+');
      if (step == '1' || step == '2') accounting.done(static_cast<std::uint64_t>(step - '0'), {});
      if (step == 's') ledger.sample_done(ledger.sample_begins(), 100);
    }
    const TableId tables[] = {ledger.everything(ledger.database("app"))};
    CHECK(ledger.required(tables, {}, {}).primary_only != row.believed);
  }
}

}  // namespace heim::freshness::test
