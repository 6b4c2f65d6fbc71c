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

#include "history.hpp"
#include "scheduler.hpp"
#include "tag.hpp"

namespace heim::sim {

/// A backend starts a statement.
struct Start {
  std::uint64_t backend = 0;
  std::uint64_t block = 0;  // the number of its open transaction block, 0 outside of one
  std::string tag;
  bool writes = false;
  bool repeatable = false;  // changes nothing: see Statement
  bool ends = false;        // the transaction
  std::uint32_t timeline = 1;
  bool on_standby = false;
};

class Judge {
 public:
  explicit Judge(Scheduler& scheduler) : scheduler_(scheduler) {}

  /// Records the first violation and stops the world.
  void fail(const std::string& what);
  bool failed() const { return !verdict_.empty(); }
  const std::string& verdict() const { return verdict_; }

  void started(const Start& start);
  /// A backend has done BEGIN.
  void block_begun(std::uint64_t backend, std::uint64_t block, const std::string& tag);
  /// A cancel request stopped a statement.
  void cancelled(const std::string& tag);
  /// A write is in the cluster's history from now on.
  void committed(const std::string& tag);

  /// There are standbys. What only reads may be asked again of another node; a write that a standby
  /// had to refuse is a violation, unless nodes change places.
  void set_cluster(bool changes_places) { cluster_ = true, changes_places_ = changes_places; }
  void refused(const std::string& tag);
  /// Every client's statements so far have numbers up to this.
  void issued(std::uint32_t client, std::uint32_t number) { issued_[client] = number; }
  /// The proxy has heard of a timeline: what is asked from now on may not write on an older one.
  void proxy_knows(std::uint32_t timeline);
  History& history() { return of_cluster_; }
  const History& history() const { return of_cluster_; }

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
  std::uint64_t on_standbys() const { return on_standbys_; }
  std::uint64_t cancels_hit() const { return cancels_hit_total_; }

 private:
  struct Place {
    std::uint64_t backend = 0, block = 0;
    bool operator==(const Place&) const = default;
  };
  void bind(const Tag& tag, Place place);
  bool may_repeat(const Start& start, const Tag& tag) const;
  void check_order(const Tag& tag);
  void check_timeline(const Start& start, const Tag& tag);
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
  bool cluster_ = false, changes_places_ = false;
  std::set<std::pair<std::uint32_t, std::uint32_t>> wrote_;  // transactions, as in bindings_
  std::unordered_map<std::uint32_t, std::uint32_t> issued_, issued_when_known_;  // per client
  std::uint32_t known_timeline_ = 0;
  std::uint64_t on_standbys_ = 0;
  History of_cluster_;
  std::set<std::string> history_, acknowledged_, rolled_back_, unknown_;
};

}  // namespace heim::sim
