// From a text to what it does: libpg_query on first sight, a bounded cache after that.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "sql/statement.hpp"

namespace heim::sql {

/// Reads a text with libpg_query. Never fails: what it cannot read is one statement `unknown`.
/// [a thread of ours with a stack of at least 64 MiB, or texts of less than 20,000 tokens]: deep
/// nesting costs stack. Longer texts than `analysis_limit` bytes are `unknown` unread, save that
/// the first keyword of a plain INSERT or COPY is believed.
ScriptRef analyse(std::string_view text);

/// The statement `PREPARE name ...` of a script that has several, cut out of it: the last one with
/// that name. The whole text if it is the only statement; empty if there is none.
std::string_view prepare_statement(std::string_view text, std::string_view name);

/// What texts that were seen do. [one thread] One a worker.
class AnalysisCache {
 public:
  struct Limits {
    std::size_t bytes = 8 << 20;  // texts, scripts and overhead, together
  };
  explicit AnalysisCache(std::uint64_t seed, Limits limits = {});
  ~AnalysisCache();
  AnalysisCache(const AnalysisCache&) = delete;
  AnalysisCache& operator=(const AnalysisCache&) = delete;

  /// A hit allocates nothing: neither that of a text seen before nor that of one which differs from
  /// it in literals, comments and white space only. The reference is good until the next call.
  const ScriptRef& find(std::string_view text);

  struct Counts {
    std::uint64_t exact_hits = 0;   // the very text
    std::uint64_t normal_hits = 0;  // its normal form
    std::uint64_t misses = 0;
    std::uint64_t not_understood = 0;
    std::size_t entries = 0;
    std::size_t bytes = 0;
  };
  const Counts& counts() const;

 private:
  struct Body;
  std::unique_ptr<Body> body_;
};

}  // namespace heim::sql
