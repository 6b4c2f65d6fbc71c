// Needs in a form that a decision reads at once: names became ids, rules became a mask. Kept per
// worker for the analyses that come again.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/hash.hpp"
#include "freshness/ledger.hpp"
#include "route/needs.hpp"
#include "route/rules.hpp"
#include "route/workload.hpp"

namespace heim::route {

struct Plan {
  Needs needs;
  freshness::DatabaseId database = 0;
  std::vector<freshness::TableId> reads;   // with everything(database)
  std::vector<freshness::TableId> writes;  // empty: changes nothing that is tracked
  std::string_view uncached;               // why its answer may not be kept; empty: it may
  RuleMask rules = 0;                      // whose conditions on the statement hold
  Profile profile;                         // of what its runs were like; the worker's own
};

/// 32 hexadecimal digits: as rules name a fingerprint.
std::string fingerprint_text(const Hash128& fingerprint);
/// Nothing: it is none.
std::optional<Hash128> read_fingerprint(std::string_view text);

Plan make_plan(const sql::Script& script, std::string_view text, const sql::Catalog* catalog,
               const Rules* rules, freshness::Ledger& ledger, freshness::DatabaseId database);

/// [one thread] One a worker and database. An entry keeps its script alive: it is found by the
/// script's address, which no other script has meanwhile.
class PlanCache {
 public:
  struct Limits {
    std::size_t entries = 4'096;
    std::size_t bytes = 8 << 20;  // of scripts and plans
  };
  PlanCache();
  explicit PlanCache(Limits limits);
  ~PlanCache();
  PlanCache(const PlanCache&) = delete;
  PlanCache& operator=(const PlanCache&) = delete;

  /// What plans are made with. Another catalog, other rules: all plans are made anew.
  struct Context {
    sql::CatalogRef catalog;  // null: not known
    RulesRef rules;           // null: none
    freshness::Ledger* ledger = nullptr;
    freshness::DatabaseId database = 0;
  };
  void use(Context context);

  /// A hit allocates nothing. `text` is what the script was read from, for the rules' expressions.
  /// Good until the next call of find() or use().
  Plan& find(const sql::ScriptRef& script, std::string_view text);

  /// Null if it is not kept (any more). Good until the next call of find() or use().
  Plan* peek(const sql::Script* script);

  struct Counts {
    std::uint64_t hits = 0, misses = 0;
    std::size_t entries = 0, bytes = 0;
  };
  const Counts& counts() const { return counts_; }

 private:
  struct Entry;
  struct Body;
  void make_room(std::size_t cost);
  std::unique_ptr<Body> body_;
  Counts counts_;
};

}  // namespace heim::route
