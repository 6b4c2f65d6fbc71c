// What a worker needs to route statements: the plans of those it has seen, how busy nodes are, and
// what the configuration says.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "route/decide.hpp"
#include "session/shared.hpp"
#include "sql/analysis.hpp"

namespace heim::session {

struct Pool;

/// [one thread]
class Guide {
 public:
  Guide(Shared& shared, std::uint32_t worker);
  ~Guide();
  /// A new configuration. `rules` outlive the guide, or the next call.
  void use(const Rules& rules);

  /// Whether writes are accounted for: see Shared::accounts().
  bool on() const { return on_; }
  void look_at_nodes();
  /// Whether it has come on since this was asked last: what is under way was not accounted for.
  bool has_begun() { return std::exchange(began_, false); }
  const route::Rules* rules() const { return rules_.get(); }

  /// Good until the next call for the same database.
  route::Plan& plan(const sql::ScriptRef& script, std::string_view text, Pool& pool);
  route::Decision decide(const route::Ask& ask, Instant now);
  route::World world() const;

  /// A statement of this plan is sent.
  void used(const route::Plan& plan) {
    if (!heat_) return;
    heat_->note(plan.reads);
    heat_->note(plan.writes);
  }
  /// Whether somebody asks what kind of work statements are.
  bool profiles() const { return rules_ && rules_->asks_workload(); }
  /// One run of it: alone, answered whole.
  void profile(const sql::Script& script, Pool& pool, Duration took, std::uint64_t rows);

  /// A batch went there, for that reason.
  void note(std::uint32_t node, std::string_view reason);
  struct Count {
    std::uint32_t node;
    std::string_view reason;  // static text
    std::uint64_t statements;
  };
  const std::vector<Count>& counts() const { return counts_; }

  route::Load& load(std::uint32_t node) { return loads_[node]; }

  struct Plans;  // of one database

 private:
  Shared& shared_;
  route::RulesRef rules_;
  bool on_ = false;
  bool looked_ = false, began_ = false;
  std::unique_ptr<freshness::Heat> heat_;  // null: nothing is counted
  mutable route::Turn turn_;
  route::Loads loads_{};
  std::vector<Count> counts_;
  std::map<std::string, std::unique_ptr<Plans>> plans_;  // by database, as the server names it
};

/// What both do, one after the other.
void merge(route::Plan& into, const route::Plan& other);

}  // namespace heim::session
