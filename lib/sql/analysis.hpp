// From a text to what it does: libpg_query on first sight, a bounded cache after that.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "sql/statement.hpp"

namespace heim::sql {

/// Texts of more bytes than this are read by their normal form alone, which is short for an INSERT
/// of many rows or large literals. Where that does not parse, they are `unknown`.
inline constexpr std::size_t analysis_limit = 128 << 10;

/// A thread that parses for others: for callers whose threads are many, or come and go, or have
/// small stacks.
class ParserHost {
 public:
  virtual ~ParserHost() = default;
  /// [any thread] Runs `work(argument)` to its end on that thread. `work` does not throw.
  virtual void run(void (*work)(void*), void* argument) = 0;
};

/// Reads a text with libpg_query. Never fails: what it cannot read is one statement `unknown`.
///
/// Stack: what the limits on bytes and depth let through fits into 8 MiB, also in a sanitizer
/// build. Threads: each that calls costs the process a pthread key for good, of some 1,000; call it
/// from few that live long, or name a host. standard_conforming_strings is taken to be on. Sessions
/// that turn it off need other care.
ScriptRef analyse(std::string_view text, ParserHost* host = nullptr);

/// What EXECUTE of a statement will do that a text `PREPARE name AS ...` makes: the analysis of its
/// query. Not understood if the text is anything else.
ScriptRef analyse_prepared(std::string_view prepare_text, ParserHost* host = nullptr);

/// The statement `PREPARE name ...` of a script that has several, cut out of it: the last one with
/// that name. Empty if there is none. The name as the parser has it: folded, unquoted.
std::string_view prepare_statement(std::string_view text, std::string_view name,
                                   ParserHost* host = nullptr);

/// What texts that were seen do. [one thread] One a worker.
class AnalysisCache {
 public:
  struct Limits {
    std::size_t bytes = 8 << 20;  // texts, scripts and overhead, together
  };
  /// `seed` is secret: see cache.cpp.
  explicit AnalysisCache(std::uint64_t seed);
  AnalysisCache(std::uint64_t seed, Limits limits);
  ~AnalysisCache();
  AnalysisCache(const AnalysisCache&) = delete;
  AnalysisCache& operator=(const AnalysisCache&) = delete;

  /// A hit allocates nothing: neither that of a text seen before nor that of one which differs from
  /// it in literals, comments and white space only. The reference is good until the next call.
  const ScriptRef& find(std::string_view text);
  /// Null: whoever calls find() parses.
  void set_host(ParserHost* host) { host_ = host; }
  ParserHost* host() const { return host_; }

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
  ParserHost* host_ = nullptr;
};

}  // namespace heim::sql
