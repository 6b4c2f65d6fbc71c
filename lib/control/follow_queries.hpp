// What is asked of a database whose commits are followed, and what the answers mean.
#pragma once
#include <optional>
#include <string>

#include "control/link.hpp"
#include "freshness/in_step.hpp"

namespace heim::control {

/// Where the WAL is, and who is running.
extern const Question step_question;
/// Makes a commit: what stands before it in the WAL is written out then.
extern const Question nudge_question;
/// What defines the answers to queries, beside rows: see read_objects().
Question objects_question(std::string_view publication);

struct Step {
  std::uint64_t wal_end = 0;
  std::string snapshot;  // as text: the same as long as no transaction has ended
  freshness::Running running;
};
std::optional<Step> read_step(const Rows& rows);

/// Sums that change whenever a definition does.
struct ObjectSums {
  std::uint64_t wal_end = 0;
  std::string snapshot;
  std::string own;      // of the database
  std::string shared;   // of the server: roles, their memberships
  std::string refused;  // why the database cannot be followed; empty: it can
  Duration work{};
};
std::optional<ObjectSums> read_objects(const Rows& rows);

}  // namespace heim::control
