#include "control/wish.hpp"

#include <doctest/doctest.h>

#include <string_view>

using namespace heim::control;

TEST_CASE("a wish is kept until it is fulfilled, also while sampling is off") {
  // m: made, o: sampling on, x: off, f: fulfilled
  struct Row {
    std::string_view steps;
    bool wakes, due;  // wakes: the last wish that was made does
  };
  const Row rows[] = {{"", false, false},      {"m", false, false},     {"mo", false, true},
                      {"o", false, false},     {"om", true, true},      {"omm", false, true},
                      {"omf", true, false},    {"omfm", true, true},    {"omx", true, false},
                      {"omxo", true, true},    {"omfxm", false, false}, {"omfxmo", false, true},
                      {"omfxmmo", false, true}};
  for (const Row& row : rows) {
    CAPTURE(row.steps);
    Wish wish;
    bool wakes = false;
    for (const char step : row.steps) {
      if (step == 'm') wakes = wish.make();
      if (step == 'o' || step == 'x') wish.allow(step == 'o');
      if (step == 'f') wish.fulfil();
    }
    CHECK(wakes == row.wakes);
    CHECK(wish.is_due() == row.due);
  }
}
