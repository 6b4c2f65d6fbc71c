// What a client keeps whose statements are routed one by one.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/caching.hpp"
#include "route/decide.hpp"
#include "session/client.hpp"
#include "session/foresight.hpp"

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

  std::unique_ptr<Keeping, Deleter<Keeping>> keeping;  // null: its answer is not kept

  // What the cache is asked for.
  std::optional<config::Caching> caching;  // as the session said
  Hash128 settings;                        // of those that answers hang on
  std::uint64_t after = 0;                 // of what may be older: cache::Moment of its last commit
  bool committed = false;                  // since then
  std::uint64_t group_version = 0;         // of its group's commits, when that was noted
  Settings asks_under;                     // what `asker` has of settings
  std::uint32_t asker = 0;                 // its number among Shared::askers; 0: it has none
  Foresight::Trails trails;                // what it was answered last, where prefetch is on
  // What the transaction block that is open did so far. `reads`: no more than that, and what its
  // next statement sees is what is there by then.
  enum class Block : std::uint8_t { none, reads, other };
  Block block = Block::none;
  bool portal_open = false;  // the unnamed one, and not run to its end

  sql::ScriptRef profiled;  // what runs alone, where it is asked what kind of work that is

  // The transaction block that is open on a standby, or not yet begun anywhere.
  std::string begin;                  // its BEGIN; empty: there is none
  bool begun = false;                 // some server has seen it
  bool begins_itself = false;         // the client's own message said so there
  bool movable = true;                // what it did so far can be done elsewhere as well
  bool failed = false;                // it did, on the standby it left
  bool ended = false;                 // by the batch that is open
  bool cuts = false;                  // what follows its end in a batch is another batch
  std::optional<std::string> ending;  // the portal that ends it when it is executed
  bool snapshot_block = false;        // all of its statements see what its first one sees
  bool keeps = false;                 // did what outlives it: ending it elsewhere would lose that
  std::uint32_t batches = 0;          // behind its BEGIN, on the node it is on
  freshness::Verdict verdict;         // of the decision that a server is waited for with
  Instant waits_since{};              // for a standby to replay; Instant{}: it does not
};

inline constexpr std::string_view stays_on_standby =
    "this READ ONLY transaction runs on a standby, which cannot run this statement: ";
inline constexpr std::string_view not_replayed =
    "the standby of this transaction has not replayed in time what this statement has to see";

/// Whether a transaction block ends there.
bool ends_block(const sql::Script& script);

/// A portal was bound, to what ends a block or not: which one it is that does.
template <class Name>
void note_bound_end(std::optional<Name>& ending, std::string_view portal, bool ends) {
  if (ends) {
    ending = portal;
  } else if (ending == portal) {
    ending = std::nullopt;
  }
}

}  // namespace heim::session
