// [[rules]] of the configuration, compiled: conditions on a statement and on a session, and what
// they lead to. The first rule that holds decides.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "config/settings.hpp"
#include "freshness/ledger.hpp"
#include "route/wish.hpp"
#include "route/workload.hpp"

namespace heim::route {

/// A bit a rule, the first rule's lowest.
using RuleMask = std::uint64_t;
inline constexpr std::size_t max_rules = 64;

/// What a rule says.
struct Outcome {
  std::string name;  // its own, or "rules[2]"
  Wish wish;
  std::optional<freshness::Freshness> freshness;
  std::vector<std::string> nodes;  // names or tags; empty: all
  bool log = false;
  // Of its answer: as RouteRule has it.
  std::optional<bool> cache;
  std::optional<Duration> cache_ttl;
  std::optional<std::uint64_t> cache_max_result_size;
  bool cache_row_security = false;
  Duration stale_while_revalidate{0};
  bool of_session = false;  // it asks nothing of the statement
};

/// What rules can ask of a session. Views for one call.
struct Who {
  std::string_view user, database, application_name, address;  // address: as text, without a port
};

/// Immutable. [any thread]
class Rules {
 public:
  /// An error names the rule and what is wrong with it.
  static Result<std::shared_ptr<const Rules>> compile(const std::vector<config::RouteRule>& rules);
  ~Rules();
  Rules(const Rules&) = delete;
  Rules& operator=(const Rules&) = delete;

  /// Once for each analysis that is new: `normal` is the normal form of the text.
  RuleMask of_statement(std::string_view fingerprint, std::string_view normal,
                        const std::vector<std::string>& tables) const;
  /// Once for each session, and when its application_name changes.
  RuleMask of_session(const Who& who) const;
  RuleMask of_workload(Workload workload) const {
    return workloads_[static_cast<std::size_t>(workload)];
  }
  RuleMask of_temperature(freshness::Temperature temperature) const {
    return temperatures_[static_cast<std::size_t>(temperature)];
  }
  bool asks_workload() const { return asks_workload_; }
  bool asks_temperature() const { return asks_temperature_; }
  /// Of the first rule whose bit is set; null: none.
  const Outcome* outcome(RuleMask mask) const;
  std::size_t size() const;

 private:
  struct Compiled;
  Rules();
  void add(Compiled compiled);
  std::vector<Compiled> rules_;
  std::array<RuleMask, 4> workloads_{}, temperatures_{};
  bool asks_workload_ = false, asks_temperature_ = false;
};
using RulesRef = std::shared_ptr<const Rules>;

}  // namespace heim::route
