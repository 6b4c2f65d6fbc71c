#include "script.hpp"

#include "frames.hpp"

namespace heim::bench {
namespace {

constexpr std::string_view select_one = "SELECT aid, abalance FROM pgbench_accounts WHERE aid = ";

std::string repeated(std::string_view part, unsigned times) {
  std::string whole;
  for (unsigned i = 0; i < times; ++i) whole.append(part);
  return whole;
}

/// What one pipeline answers. A Sync (or a simple query's own end) closes each group.
std::string expected_answer(const Options& options) {
  if (options.mode == Mode::large) return "TDCZ";  // one 'D' stands for all rows
  switch (options.protocol) {
    case Protocol::simple:
      return repeated("TDCZ", options.pipeline);
    case Protocol::extended:
      return repeated("12TDC", options.pipeline) + "Z";
    case Protocol::prepared:
      break;
  }
  return repeated("2TDC", options.pipeline) + "Z";
}

}  // namespace

Script::Script(const Options& options) : options_(options) {
  std::string answer = expected_answer(options);
  if (options.mode == Mode::transaction) {
    answer.back() = 'z';
    expected_ = {"Cz", answer, "CZ"};
    query_step_ = 1;
  } else {
    expected_ = {answer};
  }
  if (options.protocol == Protocol::prepared && options.parse) {
    Frame(prepare_, 'P').text(options.statement).text(std::string(select_one) + "$1").u16(0);
    Frame(prepare_, 'S');
  }
}

std::string Script::startup() const {
  std::string out;
  Frame(out, 0)
      .u32(3 << 16)
      .text("user")
      .text(options_.user)
      .text("database")
      .text(options_.database)
      .raw(std::string_view("\0", 1));
  return out;
}

void Script::append(std::string& out, std::size_t step, std::span<const std::uint32_t> tags) const {
  if (step != query_step_) {
    Frame(out, 'Q').text(step < query_step_ ? "BEGIN" : "COMMIT");
    return;
  }
  for (const std::uint32_t tag : tags) append_query(out, tag);
  if (options_.protocol != Protocol::simple) Frame(out, 'S');
}

void Script::append_query(std::string& out, std::uint32_t tag) const {
  if (options_.mode == Mode::large) {
    Frame(out, 'Q').text("SELECT repeat('x', " + std::to_string(options_.width) +
                         ") FROM generate_series(1, " + std::to_string(options_.rows) + ")");
    return;
  }
  switch (options_.protocol) {
    case Protocol::simple:
      Frame(out, 'Q').raw(select_one).text(std::to_string(tag));
      return;
    case Protocol::extended:
      Frame(out, 'P').text("").raw(select_one).text("$1").u16(0);
      return append_execution(out, "", tag);
    case Protocol::prepared:
      return append_execution(out, options_.statement, tag);
  }
}

/// As libpq does it: Bind, Describe, Execute, all of the unnamed portal, parameters as text.
void Script::append_execution(std::string& out, std::string_view statement,
                              std::uint32_t tag) const {
  Frame(out, 'B').text("").text(statement).u16(0).u16(1).value(std::to_string(tag)).u16(0);
  Frame(out, 'D').raw("P").text("");
  Frame(out, 'E').text("").u32(0);
}

}  // namespace heim::bench
