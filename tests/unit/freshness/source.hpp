// Who is asked for samples, in tests.
#pragma once
#include <functional>

#include "cluster/sampling.hpp"

namespace heim::freshness::test {

struct Source final : cluster::LsnSource {
  int wanted = 0;
  std::function<void()> on_want;
  void want_sample() override {
    ++wanted;
    if (on_want) on_want();
  }
};

}  // namespace heim::freshness::test
