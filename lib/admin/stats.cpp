#include "admin/stats.hpp"

#include <iterator>
#include <span>
#include <string>
#include <utility>

namespace heim::admin {
namespace {

using session::Counters;
using session::Snapshot;
using session::StatsRow;

/// What an average is taken over.
enum class Over : std::uint8_t { seconds, transactions, queries, assignments };

/// One figure under the names it has in SHOW STATS (total, average), in SHOW STATS_TOTALS and
/// _AVERAGES (plain), and in SHOW TOTALS (after total_ or avg_). The names differ in PgBouncer.
struct Figure {
  std::string_view total, average, plain, summed;
  std::uint64_t Counters::*value;
  Over over;
};

#define HEIM_FIGURE(name, over) \
  { "total_" #name, "avg_" #name, #name, #name, &Counters::name, Over::over }
constexpr Figure figures[] = {
    HEIM_FIGURE(xact_count, seconds),
    HEIM_FIGURE(query_count, seconds),
    HEIM_FIGURE(server_assignment_count, seconds),
    {"total_received", "avg_recv", "bytes_received", "client_bytes", &Counters::received,
     Over::seconds},
    {"total_sent", "avg_sent", "bytes_sent", "server_bytes", &Counters::sent, Over::seconds},
    HEIM_FIGURE(xact_time, transactions),
    HEIM_FIGURE(query_time, queries),
    HEIM_FIGURE(wait_time, assignments),
    HEIM_FIGURE(client_parse_count, seconds),
    HEIM_FIGURE(server_parse_count, seconds),
    HEIM_FIGURE(bind_count, seconds),
    HEIM_FIGURE(client_login_count, seconds),
    // ours
    HEIM_FIGURE(error_count, seconds),
};
#undef HEIM_FIGURE
static_assert(std::size(figures) == std::size(session::counter_fields));
constexpr std::size_t pgbouncers = std::size(figures) - 1;

std::uint64_t average(const Figure& figure, const Counters& period, Duration length) {
  const std::uint64_t value = period.*figure.value;
  const auto ratio = [](std::uint64_t part, std::uint64_t whole) {
    return whole ? part / whole : 0;
  };
  switch (figure.over) {
    case Over::transactions:
      return ratio(value, period.xact_count);
    case Over::queries:
      return ratio(value, period.query_count);
    case Over::assignments:
      return ratio(value, period.server_assignment_count);
    case Over::seconds:
      break;
  }
  return ratio(value * 1000000, static_cast<std::uint64_t>(to_us(length)));
}

/// A table of totals, averages or both, one row a database.
class Builder {
 public:
  explicit Builder(const Snapshot& snapshot) : snapshot_(snapshot) {
    table_.columns.push_back({"database", Type::text});
    for (const StatsRow& row : snapshot.stats) table_.rows.push_back({row.database});
  }
  void totals(std::span<const Figure> some, std::string_view Figure::*name) {
    for (const Figure& figure : some) {
      column(figure.*name, [&](const StatsRow& row) { return row.total.*figure.value; });
    }
  }
  void averages(std::span<const Figure> some, std::string_view Figure::*name) {
    for (const Figure& figure : some) {
      column(figure.*name, [&](const StatsRow& row) {
        return average(figure, row.period, snapshot_.stats_period);
      });
    }
  }
  Table take() { return std::move(table_); }

 private:
  template <class Value>
  void column(std::string_view name, Value value) {
    table_.columns.push_back({std::string(name), Type::numeric});
    for (std::size_t i = 0; i < table_.rows.size(); ++i) {
      table_.rows[i].push_back(std::to_string(value(snapshot_.stats[i])));
    }
  }
  const Snapshot& snapshot_;
  Table table_;
};

const std::span<const Figure> all_figures = figures;

}  // namespace

Table render_stats(const Snapshot& snapshot) {
  Builder builder(snapshot);
  builder.totals(all_figures.first(pgbouncers), &Figure::total);
  builder.averages(all_figures.first(pgbouncers), &Figure::average);
  builder.totals(all_figures.subspan(pgbouncers), &Figure::total);
  builder.averages(all_figures.subspan(pgbouncers), &Figure::average);
  return builder.take();
}

Table render_stats_totals(const Snapshot& snapshot) {
  Builder builder(snapshot);
  builder.totals(all_figures, &Figure::plain);
  return builder.take();
}

Table render_stats_averages(const Snapshot& snapshot) {
  Builder builder(snapshot);
  builder.averages(all_figures, &Figure::plain);
  return builder.take();
}

Table render_totals(const Snapshot& snapshot) {
  Counters total, period;
  for (const StatsRow& row : snapshot.stats) {
    total += row.total;
    period += row.period;
  }
  Table table;
  table.columns = {{"name", Type::text}, {"value", Type::numeric}};
  const auto add = [&](std::string_view prefix, const Figure& figure, std::uint64_t value) {
    table.rows.push_back({std::string(prefix).append(figure.summed), std::to_string(value)});
  };
  for (const auto some : {all_figures.first(pgbouncers), all_figures.subspan(pgbouncers)}) {
    for (const Figure& figure : some) add("total_", figure, total.*figure.value);
    for (const Figure& figure : some) {
      add("avg_", figure, average(figure, period, snapshot.stats_period));
    }
  }
  return table;
}

}  // namespace heim::admin
