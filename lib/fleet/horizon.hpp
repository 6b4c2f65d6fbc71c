// What this member has heard of the fleet, message by message, and which one told of each table's
// last commit. By that a member finds out whether an answer that another one has kept for all, in a
// store beside the caches, lacks anything that it knows of itself.
//
//   W   asked the database; the answer is here: S = stamp() -> its cache's fence admits the answer
//       (F before S before A, see cache.hpp) -> the store gets answer and S
//   R   F: versions of its tables -> asks the store -> S covers the tables -> R's own fence admits
//       it: given out, and kept
//
// Of any commit c of these tables that began in R's ledger before R looked at S:
//  - R heard of it in message n of its sender, and S says that W had heard that one up to n. So c
//    had begun at W before A, and W's fence says that it had ended before F: the answer has it, or
//    there is nothing to see.
//  - It is R's own. Then n is the message that tells of it, or will.
//  - It is W's own. S names the last message of W that nothing can get into any more.
//  - R has heard of it, and does not know it any more, or has never heard of it, since its members
//    were others then, or R was not there. Then R has said something afterwards (`floor`), and S
//    says that W had heard that. What R had heard in front of it, W had, too: the channel
//    has one order for all who are there. What W has not heard, being not there, has ended before W
//    joined; or it was repeated to W before W trusted, and S is made by who trusts.
// A commit that begins in R's ledger after that is found by R's fence, as with any answer. So of
// the store's answers holds what holds of R's own, whatever the store says, and however old it is.
#pragma once
#include <cstdint>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "fleet/message.hpp"
#include "freshness/ledger.hpp"

namespace heim::fleet {

/// What a member had heard when it found an answer good: of each member, itself included, the last
/// message.
using Stamp = std::vector<Message::Heard>;

class Horizon {
 public:
  // ---- told by the fleet's thread

  /// Numbers begin anew, and what was stamped before is void.
  void join(MemberId self, std::uint64_t run);
  /// All that is in this message is in the ledger.
  void heard(MemberId member, std::uint64_t run, std::uint64_t number);
  /// Nobody waits for it any more; or its numbers begin anew, before the first of them.
  void gone(MemberId member);
  /// What is stamped by those who have not heard our next message is void. [any thread]
  void raise();
  /// A commit that this message of another member tells of has begun in the ledger, and not ended.
  void wrote(MemberId member, std::uint64_t number, const freshness::WriteSet& tables);

  // ---- of our own commits: both under the lock of the queue that they stand in

  /// One is queued. [any thread]
  void wrote_here(std::span<const freshness::TableId> tables);
  /// All that is queued goes with this message of ours.
  void made(std::uint64_t number);

  // ---- [any thread]

  /// Before the cache's fence judges, by who trusts.
  Stamp stamp() const;
  /// The answer has all commits of these tables that are known here. Behind the fence, by who
  /// trusts.
  bool covers(const Stamp& stamp, std::span<const freshness::TableId> tables) const;

 private:
  struct Place {
    std::uint64_t run = 0, number = 0;
  };
  struct Write {
    MemberId member;
    std::uint64_t number;
  };
  void note(freshness::TableId table, Write write);
  void void_all();
  std::uint64_t run_of(MemberId member) const;

  mutable std::mutex mutex_;
  MemberId self_ = 0;
  std::uint64_t run_ = 0;
  std::uint64_t next_ = 1;                     // our message that is not made yet
  std::uint64_t floor_ = 1;                    // what was stamped by who has not heard it, is void
  std::unordered_map<MemberId, Place> known_;  // the others
  std::unordered_map<freshness::TableId, std::vector<Write>> writes_;  // since then
};

}  // namespace heim::fleet
