// What a client sends, and exactly what must come back.
//
// The expected answer is a string of message types: '1' ParseComplete, '2' BindComplete, 'T'
// RowDescription, 'D' DataRow, 'C' CommandComplete, 'Z' ReadyForQuery idle, 'z' ReadyForQuery in a
// transaction. Notices and parameter changes may come between.
#pragma once
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "load_options.hpp"

namespace heim::bench {

class Script {
 public:
  explicit Script(const Options& options);

  /// The round trips of one query (or pipeline of queries).
  std::size_t steps() const { return expected_.size(); }
  std::string_view expected(std::size_t step) const { return expected_[step]; }
  /// Appends step's messages; each tag is one query's.
  void append(std::string& out, std::size_t step, std::span<const std::uint32_t> tags) const;

  std::string startup() const;
  /// What follows the log-in once per connection, and its answer; both empty when there is nothing.
  const std::string& prepare() const { return prepare_; }
  std::string_view prepare_expected() const { return prepare_.empty() ? "" : "1Z"; }

 private:
  void append_query(std::string& out, std::uint32_t tag) const;
  void append_execution(std::string& out, std::string_view statement, std::uint32_t tag) const;

  const Options& options_;
  std::vector<std::string> expected_;
  std::string prepare_;
  std::size_t query_step_ = 0;
};

/// Numbers the queries of a run: each a row of pgbench_accounts at scale 10, all different for a
/// million queries and spread like random ones, and others than those of the run before; or rows of
/// the first `keys` alone.
class Tags {
 public:
  explicit Tags(std::uint32_t keys) : keys_(keys), at_(std::random_device()() % rows) {}
  std::uint32_t next() {
    at_ = (at_ + 611953) % rows;  // no common factor: every row comes before one comes again
    return (keys_ == 0 ? at_ : at_ % keys_) + 1;
  }

 private:
  static constexpr std::uint32_t rows = 1000000;
  std::uint32_t keys_, at_;
};

}  // namespace heim::bench
