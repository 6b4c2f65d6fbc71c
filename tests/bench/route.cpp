// What a decision costs on a statement that was analysed before: the plan found, the ledger asked,
// a node picked. Fails if that allocates.
//
//     bench-route [rounds]
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <new>

#include "route/decide.hpp"
#include "sql/analysis.hpp"
#include "sql/hint.hpp"

namespace {
std::size_t allocations = 0;  // of the whole program
}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

using namespace heim;

namespace {

double seconds() {
  timespec at{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
  return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) * 1e-9;
}

/// False if it allocated.
bool measure(const char* name, const char* sql, long rounds) {
  cluster::Topology nodes;
  cluster::Node node;
  nodes.add(node, cluster::Role::primary);
  for (int i = 0; i < 2; ++i) nodes.add(node, cluster::Role::standby);
  for (std::uint32_t i = 1; i < 3; ++i) nodes.state(i).replayed = 100;
  freshness::Ledger ledger;
  ledger.sample_done(ledger.sample_begins(), 100);
  auto catalog = std::make_shared<sql::Catalog>();
  for (const char* table : {"orders", "customers", "addresses"}) catalog->add("T", table, "rp");
  route::PlanCache cache;
  cache.use({catalog, nullptr, &ledger, ledger.database("app")});
  const route::Policy policy;
  static route::Loads loads;
  route::Turn turn;
  const sql::ScriptRef script = sql::analyse(sql);
  cache.find(script, sql);
  const std::size_t before = allocations;
  const double start = seconds();
  std::uint64_t standbys = 0;
  for (long i = 0; i < rounds; ++i) {
    const sql::Hint hint = sql::find_hint(sql);
    route::Plan& plan = cache.find(script, sql);
    const route::Ask ask{.plan = plan,
                         .policy = policy,
                         .wish = route::parse_wish(hint.route).value_or(route::WishView{}),
                         .freshness = {},
                         .user_wish = {},
                         .transaction = {}};
    const Instant now{Duration(i + 1)};
    standbys += route::decide(ask, {nodes, ledger, loads, turn}, now).standby;
  }
  const double took = seconds() - start;
  std::printf("%-22s %7.1f ns a decision, %llu %% on standbys\n", name,
              took / static_cast<double>(rounds) * 1e9,
              static_cast<unsigned long long>(standbys * 100 / static_cast<std::uint64_t>(rounds)));
  if (allocations == before) return true;
  std::printf("%s: allocated\n", name);
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  const long rounds = argc > 1 ? std::strtol(argv[1], nullptr, 10) : 1'000'000;
  bool good = measure("a read", "SELECT * FROM orders WHERE id = 1", rounds);
  good &= measure("a join of three",
                  "SELECT * FROM orders JOIN customers USING (c) JOIN addresses USING (a)", rounds);
  good &= measure("a write", "UPDATE orders SET total = 1 WHERE id = 2", rounds);
  good &= measure("with a hint", "/*+ route=standby */ SELECT * FROM orders", rounds);
  return good ? 0 : 1;
}
