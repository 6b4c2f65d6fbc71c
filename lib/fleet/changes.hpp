// Changes of objects, that is of what tables, views and functions are: what their commits need
// beside those that change rows.
//
// Who has not heard of a new trigger yet writes two tables and tells of one. So what is read behind
// the change is not kept until all have heard of its end: from then on, what they sent before
// counts as a write of everything (see Server::set_status). Its databases stay in flight here for
// that long, by a ticket of their own. The channel has one order for all: who has heard what we
// said after we heard of the end has heard of that, too. A lease later there is no need to look: we
// give out nothing unless all have heard what we said since.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "fleet/message.hpp"
#include "fleet/owner.hpp"
#include "freshness/ledger.hpp"

namespace heim::fleet {

class Changes {
 public:
  Changes(freshness::Ledger& ledger, FleetOwner& owner) : ledger_(ledger), owner_(owner) {}

  /// Of whose objects a commit of these tables may change.
  static std::vector<std::string> databases(const std::vector<TableName>& tables);

  /// One of another member. Before what it writes is in flight.
  void begin(const std::vector<std::string>& databases);
  /// Before what it wrote is in flight no more. `number`: of a message of ours that is sent after
  /// this, or with it.
  void end(const std::vector<std::string>& databases, freshness::Outcome outcome,
           std::uint64_t number, Instant now);
  /// One of our own, whose sessions look after the catalogs; with what hold() gave.
  void end_own(freshness::CommitTicket held, const std::vector<std::string>& databases,
               freshness::Outcome outcome, std::uint64_t number, Instant now);
  /// Keeps all of these databases in flight. [any thread]
  freshness::CommitTicket hold(const std::vector<std::string>& databases);

  /// Numbers begin anew.
  void renumber();
  /// `heard`: the number up to which all others have heard us. `lease`: ours.
  void step(std::uint64_t heard, Duration lease, Instant now);
  bool empty() const { return held_.empty(); }

 private:
  struct Held {
    freshness::CommitTicket ticket;
    std::vector<std::string> doubtful;  // databases in which it may not be over yet
    std::uint64_t number;               // 0: none
    Instant since;
  };
  bool is_over(const Held& held, std::uint64_t heard, Duration lease, Instant now) const;

  freshness::Ledger& ledger_;
  FleetOwner& owner_;
  std::vector<Held> held_;
};

}  // namespace heim::fleet
