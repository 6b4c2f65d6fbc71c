// What the cache tells of itself, for SHOW CACHE, SHOW CACHE QUERIES and SHOW CACHE TABLES.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/hash.hpp"
#include "freshness/ledger.hpp"

namespace heim::cache {

/// What became of an answer that was offered.
enum class Admission : std::uint8_t {
  stored,
  stored_weaker,   // for readers of weaker scopes only: a commit came in between
  changed,         // a commit to one of its tables ended since it was asked
  in_flight,       // a commit to one of its tables is under way
  superseded,      // another fill of the same key began after a commit
  invalidated,     // by key, by fingerprint or all, since it was asked
  paused,          // the cache is put aside
  too_large,       // beyond the limit of one result
  no_room,         // held results fill the budget
  worse_than_had,  // a weaker one, and a full one is there
  given_up,        // by the caller: the answer is not one to keep
  abandoned,       // by the caller: there is no answer
};
inline constexpr std::size_t admissions = 12;
std::string_view to_text(Admission admission);

struct Stats {
  std::uint64_t hits = 0, misses = 0;
  std::uint64_t hits_weaker = 0;  // of the hits: those a strict reader would not have got
  std::uint64_t dead = 0;         // of the misses: there was one, but a table was written since
  std::uint64_t expired = 0;      // of the misses: there was one, but too old
  std::uint64_t waits = 0;        // of the misses: another one asked already
  std::uint64_t passed = 0;       // of the misses: left out, see QueryRow::reason
  std::array<std::uint64_t, admissions> admitted{};  // by Admission
  std::uint64_t evicted = 0, evicted_dead = 0;
  std::uint64_t invalidated = 0;  // by key
  std::uint64_t saved_us = 0;     // what the hits would have taken
  // At the moment.
  std::uint64_t entries = 0, bytes = 0, limit = 0;
  std::uint64_t outside = 0;   // of `bytes`: evicted, but still on their way to somebody
  std::uint64_t overhead = 0;  // of `bytes`: index, ghosts, figures of queries
  std::uint64_t flights = 0, waiting = 0, queries = 0;
  bool paused = false;
};

/// One fingerprint.
struct QueryRow {
  Hash128 fingerprint;
  std::uint64_t hits = 0, misses = 0, fills = 0;  // fills: misses that were asked for the cache
  std::uint64_t invalidated = 0;                  // results that a write made useless
  std::uint64_t unused = 0;                       // results that went without a single hit
  std::uint64_t mean_bytes = 0, mean_us = 0, saved_us = 0;
  bool left_out = false;
  std::string reason;                      // why it is left out or kept, for a person
  std::vector<freshness::TableId> tables;  // that it reads: the first of them, see Usage
};

}  // namespace heim::cache
