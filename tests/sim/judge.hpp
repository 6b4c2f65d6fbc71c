// Holds what must be true of a whole world, and hears from both ends of every statement.
//
// Servers say what they start, commit and cancel; clients say what they send, and what they were
// told. The proxy between them says nothing: it is what is judged.
#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "scheduler.hpp"
#include "tag.hpp"

namespace heim::sim {

class Judge {
 public:
  explicit Judge(Scheduler& scheduler) : scheduler_(scheduler) {}

  /// Records the first violation and stops the world.
  void fail(const std::string& what);
  bool failed() const { return !verdict_.empty(); }
  const std::string& verdict() const { return verdict_; }

  /// A backend starts a statement. `block` is the number of its open transaction block, 0 outside
  /// of one.
  void started(std::uint64_t backend, std::uint64_t block, const std::string& tag);
  /// A backend has done BEGIN.
  void block_begun(std::uint64_t backend, std::uint64_t block, const std::string& tag);
  /// A cancel request stopped a statement.
  void cancelled(const std::string& tag);
  /// A write is in the cluster's history from now on.
  void committed(const std::string& tag);

  /// The client has a new connection; what it says there has numbers above `number`. Statements of
  /// the old one that are still under way may yet run.
  void new_life(std::uint32_t client, std::uint32_t number) { births_[client] = number; }
  void cancel_sent(std::uint32_t client) { ++cancels_sent_[client]; }
  /// What a client knows of a write.
  void acknowledged(const std::string& tag);
  void rolled_back(const std::string& tag);
  void outcome_unknown(const std::string& tag) { unknown_.insert(tag); }

  /// NOTIFY was committed in that database. Payloads are unique.
  void notified(const std::string& database, const std::string& channel,
                const std::string& payload);
  /// How many there were so far, everywhere.
  std::uint64_t notifications() const { return notifications_; }
  /// What a session knows of a channel, in numbers of notifications.
  struct Ear {
    std::uint64_t last = 0;   // heard
    std::uint64_t since = 0;  // must hear all from then on
    bool begins = false;      // to listen, with the next ReadyForQuery
    bool whole = false;       // `since` holds
  };
  /// A session heard it.
  void heard(std::uint32_t client, const std::string& payload, Ear& ear);

  /// After the last event: every acknowledged write is there, and none that was rolled back.
  void check_history();

  std::uint64_t statements() const { return started_.size(); }
  std::uint64_t commits() const { return history_.size(); }
  std::uint64_t cancels_hit() const { return cancels_hit_total_; }

 private:
  struct Place {
    std::uint64_t backend = 0, block = 0;
    bool operator==(const Place&) const = default;
  };
  void bind(const Tag& tag, Place place);
  Scheduler& scheduler_;
  std::string verdict_;
  std::set<std::string> started_;
  std::unordered_map<std::uint32_t, std::uint32_t> last_number_, births_;  // per client
  std::map<std::pair<std::uint32_t, std::uint32_t>, Place> bindings_;  // per client's transaction
  std::unordered_map<std::uint32_t, std::uint32_t> cancels_sent_, cancels_hit_;
  std::uint64_t cancels_hit_total_ = 0;
  struct Sound {
    std::string line;  // database and channel
    std::uint64_t number = 0;
  };
  std::map<std::string, Sound> sounds_;                   // by payload
  std::map<std::string, std::set<std::uint64_t>> lines_;  // their numbers
  std::uint64_t notifications_ = 0;
  std::set<std::string> history_, acknowledged_, rolled_back_, unknown_;
};

}  // namespace heim::sim
