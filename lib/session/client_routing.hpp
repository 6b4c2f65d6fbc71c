// What a client keeps whose statements are routed one by one.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "route/decide.hpp"
#include "session/client.hpp"
#include "sql/hint.hpp"

namespace heim::session {

/// What a client has ever parsed under its own names.
struct Client::Parsed {
  std::vector<std::string> texts;
  freshness::WriteSet writes;    // of all of them
  std::uint64_t version = 0;     // of the catalogs they were looked up in
  bool changes_objects = false;  // some may
  bool unseen = false;           // there are others
};

struct Client::Routing {
  // What the session asked for, as `of` has it.
  Settings of;
  config::Wish wish;
  std::optional<freshness::Freshness> freshness;
  freshness::TableId group = 0;
  std::uint64_t min_lsn = 0;
  bool read_only = false;     // every transaction, unless it says otherwise
  bool serializable = false;  // likewise
  bool snapshot = false;      // REPEATABLE READ

  const route::Rules* rules_of = nullptr;  // compared only
  std::string application_name;
  route::RuleMask rules = 0;  // what they say of this session

  freshness::SessionMark mark;  // its own last commit
  Parsed parsed;

  sql::ScriptRef profiled;  // what runs alone, where it is asked what kind of work that is

  // The transaction block that is open on a standby, or not yet begun anywhere.
  std::string begin;            // its BEGIN; empty: there is none
  bool begun = false;           // some server has seen it
  bool begins_itself = false;   // the client's own message said so there
  bool movable = true;          // what it did so far can be done elsewhere as well
  bool failed = false;          // it did, on the standby it left
  bool ended = false;           // by the batch that is open
  bool snapshot_block = false;  // all of its statements see what its first one sees
  bool keeps = false;           // did what outlives it: ending it elsewhere would lose that
  std::uint32_t batches = 0;    // behind its BEGIN, on the node it is on
  freshness::Verdict verdict;   // of the decision that a server is waited for with
  Instant waits_since{};        // for a standby to replay; Instant{}: it does not
};

inline constexpr std::string_view stays_on_standby =
    "this READ ONLY transaction runs on a standby, which cannot run this statement: ";
inline constexpr std::string_view not_replayed =
    "the standby of this transaction has not replayed in time what this statement has to see";

/// What the batch at hand does. Made for one decision.
struct Client::Survey {
  route::Plan* plan = nullptr;        // null: its text does not tell
  std::size_t bytes = 0;              // of the batch, which is here whole; 0: it is not
  bool whole = true;                  // all of it was looked at
  bool plain = true;                  // leaves nothing behind in its transaction
  bool portal = false;                // that has a name: it can outlive its batch
  bool ends = false;                  // a block, perhaps
  bool ends_first = false;            // and does nothing before
  bool sets = false;                  // a setting, or shows one
  bool commands = false;              // changes its session: not to be run twice
  bool holds = false;                 // would keep the server
  bool fails_alike = true;            // where nothing may be written, the same on each kind of node
  sql::Hint hint;                     // of its first text that has one
  const sql::Script* only = nullptr;  // if it is one text
  std::string_view text;              // the last one

  void note(const sql::Script& script, const route::Needs& needs);
  std::string plan_reason() const { return plan ? std::string(plan->needs.reason) : "not known"; }
};

}  // namespace heim::session
