// What one look at a statement costs: found by its very text, by its normal form, or not at all.
// Fails if a hit allocates.
//
//     bench-analysis [rounds]
#include "sql/analysis.hpp"

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

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

using namespace heim::sql;

namespace {

struct Workload {
  const char* name;
  std::string before, after;  // of a number
};

const Workload workloads[] = {
    {"pgbench select", "SELECT abalance FROM pgbench_accounts WHERE aid = ", ";"},
    {"pgbench update", "UPDATE pgbench_accounts SET abalance = abalance + -1234 WHERE aid = ", ";"},
    {"ORM join",
     "SELECT o.id AS o_id, o.created_at AS o_created_at, o.state AS o_state, o.total AS o_total, "
     "c.id AS c_id, c.name AS c_name, c.email AS c_email, a.id AS a_id, a.street AS a_street, "
     "a.city AS a_city, a.zip AS a_zip, a.country AS a_country FROM shop.orders AS o INNER JOIN "
     "shop.customers AS c ON o.customer_id = c.id AND c.deleted_at IS NULL LEFT OUTER JOIN "
     "shop.addresses AS a ON a.customer_id = c.id AND a.kind = 'billing' WHERE o.state IN "
     "('new', 'paid', 'sent') AND o.total > 100.50 AND lower(c.email) LIKE '%@example.com' AND "
     "o.customer_id = ",
     " ORDER BY o.created_at DESC, o.id ASC LIMIT 50 OFFSET 0"},
    {"BEGIN", "BEGIN -- ", ""},
};

constexpr int texts = 1000;

std::vector<std::string> written(const Workload& workload) {
  std::vector<std::string> out;
  for (int i = 0; i < texts; ++i) {
    out.push_back(workload.before + std::to_string(10'000 + i) + workload.after);
  }
  return out;
}

/// Of this thread: what else the machine does is not measured.
double processor_nanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

struct Cost {
  double nanoseconds = 0;  // of processor time a call, the median of the rounds
  double allocations = 0;  // a call
};

template <class Call>
Cost measured(int rounds, const std::vector<std::string>& statements, Call call) {
  std::vector<double> times;
  const auto calls = static_cast<double>(statements.size());
  std::size_t allocated = 0;
  for (int round = 0; round < rounds; ++round) {
    const std::size_t before = allocations;
    const double start = processor_nanoseconds();
    for (const std::string& statement : statements) call(statement);
    const double took = processor_nanoseconds() - start;
    allocated += allocations - before;
    times.push_back(took / calls);
  }
  std::ranges::sort(times);
  return {times[times.size() / 2], static_cast<double>(allocated) / calls / rounds};
}

/// False if a hit allocated.
bool run(const Workload& workload, int rounds) {
  const std::vector<std::string> statements = written(workload);
  const std::vector<std::string> few(statements.begin(), statements.begin() + 100);
  std::size_t found = 0;
  AnalysisCache cache(1), other(1);
  const auto exact = [&](const std::string& text) { found += cache.find(text)->statements.size(); };
  measured(1, few, exact);
  const Cost hit = measured(rounds, few, exact);
  // More texts than the exact level has room for beside each other: they are all found by their
  // form.
  int number = 0;
  std::string text(workload.before.size() + workload.after.size() + 16, ' ');
  other.find(few.front());
  const Cost normal = measured(rounds, statements, [&](const std::string& statement) {
    text.assign(workload.before).append(std::to_string(++number)).append(workload.after);
    found += statement.size() + other.find(text)->statements.size();
  });
  const Cost miss = measured(std::max(rounds / 10, 1), few, [&](const std::string& statement) {
    found += analyse(statement)->statements.size();
  });
  std::printf("%-16s %6zu %10.0f %10.0f %10.0f %12g\n", workload.name, few.front().size(),
              hit.nanoseconds, normal.nanoseconds, miss.nanoseconds,
              hit.allocations + normal.allocations);
  if (found == 0) std::abort();
  return hit.allocations + normal.allocations == 0;
}

}  // namespace

int main(int count, char** arguments) {
  const long rounds = count > 1 ? std::strtol(arguments[1], nullptr, 10) : 101;
  std::printf("%-16s %6s %10s %10s %10s %12s\n", "ns a statement", "bytes", "exact hit", "form hit",
              "miss", "allocs a hit");
  bool good = true;
  for (const Workload& workload : workloads) {
    good &= run(workload, static_cast<int>(std::max(rounds, 1l)));
  }
  return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
