// The hit ratio beside the reference simulators: within two points of the better of them.
#include <doctest/doctest.h>

#include <unordered_set>

#include "fixture.hpp"
#include "product.hpp"
#include "traces.hpp"

namespace heim::cache::test {

TEST_CASE("hit ratio on all traces") {
  constexpr Number keys = 10'000;
  for (const NamedTrace& each : all_traces(keys, 100'000)) {
    const Trace& trace = each.trace;
    Number total = 0;
    const std::unordered_set<Number> all(trace.begin(), trace.end());
    for (const Number key : all) total += Product::charge(size_of(key));
    for (const Number part : {100, 20, 5}) {
      const Number capacity = total / part;
      const double s3_fifo = hit_ratio(S3Fifo(capacity), trace, Product::charge);
      const double tiny_lfu =
          hit_ratio(TinyLfu(capacity, total / all.size()), trace, Product::charge);
      Product product(capacity);
      const double ours = hit_ratio(product, trace, [](Number size) { return size; });
      INFO(each.name, ", ", 100 / part, " %: S3-FIFO ", s3_fifo, ", W-TinyLFU ", tiny_lfu,
           ", ours ", ours);
      CHECK(ours >= std::max(s3_fifo, tiny_lfu) - 2);
    }
  }
}

}  // namespace heim::cache::test
