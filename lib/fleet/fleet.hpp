// The proxies in front of one cluster, as one of them sees them: it tells the others of its
// commits, hears of theirs, and knows how far it is in step.
//
// Messages go to all, by a channel that keeps the order of each sender and may fail (a publication
// of Redis). Each is numbered, and says how far its sender has heard each of the others.
//
//   A   a message with "c begins" is queued -> COMMIT of c is sent -> ... -> its outcome is known;
//       "c ends" is queued -> the client is told
//   B   hears "c begins": c is in flight in B's ledger; hears "c ends": it ends there
//       sends message k at time t -> A hears it -> a message M of A says so -> B hears M
//
// Bound. Between B's hearing of M and t lies all that B can miss of A: what A queued before it made
// M was in M or in front of it, and B has heard that, since no number is missing. So at any time a
// commit that B does not know of was acknowledged after t. B gives out what it keeps only until
// t + lease, of all members the earliest, itself included; see Trust. An answer that lacks a commit
// is at most that much older than the commit's acknowledgement, and `lag` is what it is just now.
// Nothing depends on two clocks showing the same time.
//
//  - A message is lost, or the channel: B leaves and joins again. What it kept is void then; so is
//    what others keep, if B has begun to commit meanwhile what nobody was told of (not `clean`).
//  - A joins: it is listed where all look, then its first message goes out. When that has come back
//    to A, B has it, or will have it before a message of its own comes back that is sent after it.
//    What A commits before is not `clean` either.
//  - B joins: it trusts when all that are listed have heard it. When A first hears of B, its next
//    message repeats what is in flight: it comes with the word that B needs for its trust.
//  - A is gone, without a word: B's lease lapses, and B gives out nothing until A is back (by its
//    name), or was forgotten. A may be cut off, not dead, and committing.
//  - A commit that changes objects (a trigger, a view): see changes.hpp.
//  - Who has to forget gives out nothing until all have heard what it says after that: they have
//    heard by then what made it forget.
//  - The fate of what A had in flight when it is silent for long, or is another process, is not
//    known: it stays in flight for as long as any such commit (Ledger::Limits::limbo).
//
// Strict. The answer to a commit is held back until each other member has said that it heard of its
// beginning, or trusts nothing any more (Cover). So nobody is told of a commit while there is a
// member that gives out what lacks it: where it is in flight, what was admitted before has another
// version, and nothing is admitted until it ends. It goes on while the server works, and is
// mostly over when that answers.
//  - A member trusts no longer than its lease after it sent what we last said we had heard; what we
//    say in or behind a message is heard with it. So a commit waits for a lease at most, and for
//    one that is gone only the first does.
//  - Who is cut off waits until the others trust nothing, and then not any more.
//  - Who has just started waits as long, for those who trust one of its name.
//
// Before it has first joined, and after it was forgotten, A is what psql is: somebody who writes
// past the fleet.
#pragma once
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "fleet/changes.hpp"
#include "fleet/cover.hpp"
#include "fleet/horizon.hpp"
#include "fleet/message.hpp"
#include "fleet/owner.hpp"
#include "fleet/trust.hpp"
#include "freshness/ledger.hpp"

namespace heim::fleet {

struct Options {
  std::string name;           // no two members have the same
  std::uint64_t process = 0;  // a random number
  Duration lease = std::chrono::milliseconds(500);
  Duration interval =
      std::chrono::milliseconds(8);  // between messages, where there is nothing to say
  Duration forget_after{0};          // who is silent for so long is forgotten; 0: never
  bool strict = false;
  bool stamps = false;  // answers are shared by a store: see horizon.hpp
  Trust::ReadClock clock = nullptr;
};

/// What people are told. A value.
struct Status {
  bool joined = false;   // what it commits is told to all
  bool trusted = false;  // and what it keeps is given out
  std::string trouble;   // why it is not in step; empty: it is
  Duration lag{0};       // what is given out now may be so old; only if trusted
  std::vector<std::pair<std::string, Duration>> members;  // others, and for how long each is silent
  std::uint64_t sent = 0, heard = 0;                      // messages
  std::uint64_t commits = 0;                              // of others
  std::uint64_t joins = 0, voids = 0;
};

/// One thread; but commits are told by any.
class Fleet final : public freshness::CommitListener {
 public:
  /// All outlive it. `wake`: for Cover.
  Fleet(Options options, freshness::Ledger& ledger, Trust& trust, Cover& cover, Cover::Wake wake,
        FleetOwner& owner);

  /// From here on the channel is heard, and we are on the list. What that says, asked afterwards:
  struct Roll {
    std::uint64_t run = 0;                                       // ours
    std::vector<std::pair<std::string, std::uint64_t>> members;  // name, run
    bool complete = false;  // it has not lost anybody since the last time
    Duration wait{0};  // it is so new that some may not be on it yet: trust nothing for so long
  };
  void join(const Roll& roll, Instant now);
  /// The channel is lost.
  void leave(const std::string& why, Instant now);
  /// In good order: the others need not wait for us.
  void say_goodbye(Instant now);
  /// A message; `now` is not earlier than its arrival.
  void hear(std::string_view bytes, Instant now);
  /// Sends what there is to send. When it is due again.
  Instant step(Instant now);

  /// For answers that are kept for all: see Horizon. Nothing: not now. [any thread]
  std::optional<Stamp> stamp() const;
  bool covers(const Stamp& stamp, std::span<const freshness::TableId> tables) const;

  /// All answers to a statement are void, whatever its values: the others are told. [any thread]
  void invalidate(const Hash128& fingerprint);

  Status status(Instant now) const;
  const Options& options() const { return options_; }

  // CommitListener [any thread]
  std::uint64_t commit_begins(std::span<const freshness::TableId> tables, bool objects) override;
  void commit_ends(std::uint64_t commit, freshness::Outcome outcome) override;

 private:
  static constexpr Duration long_silence = std::chrono::seconds(10);
  struct Foreign {  // a commit of another member
    freshness::CommitTicket ticket;
    std::vector<std::string> changes;  // databases whose objects it may change
  };
  using Commits = std::unordered_map<std::uint64_t, Foreign>;
  struct Member {
    std::string name;
    std::uint64_t run = 0, process = 0;
    std::uint64_t number = 0;   // of its last message; 0: it was not heard yet
    std::uint64_t hearing = 0;  // of the one at hand
    Instant heard_at{};         // or when it was first known
    Instant in_step{};          // all it had to say before then is known; Instant{}: it is not
    std::uint64_t knows = 0;    // the last message of our run that it has heard
    Duration lease{0};
    Commits commits;  // that it has in flight
  };
  struct Local {  // a commit of ours, as a worker told it
    Item::Kind kind;
    std::uint64_t commit = 0;
    std::vector<freshness::TableId> tables;
    bool objects = false;
    freshness::CommitTicket held;  // of objects: until all have heard
  };
  struct Open {
    std::vector<TableName> tables;
    bool objects = false;
    freshness::CommitTicket held;
  };
  struct Uncovered {
    std::uint64_t commit;
    std::uint64_t number;  // of the message that tells of it; 0: none yet
    Instant since;         // not earlier than what was said in front of it
  };
  struct Sent {
    std::uint64_t number;
    Instant at;
  };

  void hear_self(const Message& message, Instant now);
  Member& meet(const Message& message, Instant now);
  void apply(Member& member, const Item& item, Instant now);
  void apply_late(const Message& message, Instant now);
  void note_heard(Member& member, const Message& message);
  bool count_number(Member& member, const Message& message);
  void compare(Member& member, const Message& message, Instant now);
  Foreign begin(const Member& member, const Item& item);
  void end(Foreign& commit, freshness::Outcome outcome, Instant now);
  void end_all(Commits& commits, freshness::Outcome outcome, Instant now);
  freshness::WriteSet set_of(const std::vector<TableName>& tables);
  std::vector<TableName> names_of(const std::vector<freshness::TableId>& tables) const;
  void send(Instant now, bool leaves = false);
  void take_local(Message& message, Instant now);
  bool has_local();
  void apply_queries(const Message& message);
  Item item_of(Local& local, Instant now);
  std::uint64_t heard_by_all() const;
  void cover(Instant now);
  bool is_covered(const Uncovered& commit, Instant now) const;
  Instant sent_at(std::uint64_t number) const;
  void look_at_silent(Instant now);
  template <class Test>
  void drop_members(const Test& test, Instant now);
  void forget();
  void renew(Instant now);
  Instant in_step(const Member** slowest) const;
  /// Whether what is told now reaches all who are there.
  bool is_heard() const { return joined_ && own_number_ != 0; }

  const Options options_;
  const MemberId id_;
  freshness::Ledger& ledger_;
  Trust& trust_;
  Cover& cover_;
  FleetOwner& owner_;

  std::mutex local_mutex_;
  std::vector<Local> local_;  // not sent yet
  std::vector<Hash128> local_queries_;
  std::uint64_t last_commit_;  // guarded as well; of no two processes the same

  bool joined_ = false, clean_ = true;
  bool superseded_ = false;                // somebody else has our name
  std::string absent_ = "not joined yet";  // why it has left
  bool urgent_ = false;                    // there is something to say
  bool repeats_ = false;                   // what is in flight
  std::uint64_t run_ = 0;
  std::uint64_t number_ = 0;      // of the last message that was sent
  std::uint64_t own_number_ = 0;  // of the last one that came back
  std::uint64_t last_news_ = 0;   // of the last one that told anything
  Instant own_step_{};            // as Member::in_step
  Instant wait_until_{};
  Instant last_sent_{};
  std::deque<Sent> sent_;
  std::deque<Uncovered> uncovered_;  // those that wait, in the order of commits
  Instant born_{};
  std::unordered_map<MemberId, Member> members_;
  std::unordered_map<std::uint64_t, Open> open_;  // commits of ours
  Changes changes_;
  Horizon horizon_;
  std::uint64_t floor_ = 0;  // what others have heard up to there was said before we had to forget

  mutable std::mutex status_mutex_;
  Status status_;
  Instant status_step_{};  // of the slowest
};

}  // namespace heim::fleet
