// What the transaction that is open on a server has written, told to the ledger: before it may be
// seen, and when it is known whether it is.
#include <algorithm>

#include "session/hub.hpp"
#include "session/pool.hpp"
#include "session/server.hpp"

namespace heim::session {

using freshness::Outcome;

void Server::note_writes(std::span<const freshness::TableId> tables) { writes_.add(tables); }

void Server::announce(bool ends) {
  if (in_block_ && !ends) return;
  in_block_ = false;
  if (writes_.empty() || is_announced()) return writes_.clear();
  freshness::SessionMark* mark = holder_ ? holder_->commit_mark() : nullptr;
  tickets_.push_back(hub->shared.ledger.begin_commit(pool->ledger_database, writes_, mark));
  writes_.clear();
}

// Whether all of it is in flight already: it ends together.
bool Server::is_announced() const {
  if (writes_.full()) return false;
  return std::all_of(writes_.ids().begin(), writes_.ids().end(), [&](freshness::TableId table) {
    return std::any_of(tickets_.begin(), tickets_.end(), [&](const auto& ticket) {
      const auto ids = ticket.tables().ids();
      return std::find(ids.begin(), ids.end(), table) != ids.end();
    });
  });
}

// Of a ReadyForQuery.
void Server::set_status(char status) {
  tx_ = status;
  if (owes_client()) return;
  in_block_ = status == 'T';
  const bool written = !tickets_.empty() || !writes_.empty();
  if (status == 'I' && written) end_writes(Outcome::committed);
}

// What was written and not announced was rolled back.
void Server::end_writes(Outcome outcome) {
  writes_.clear();
  if (std::exchange(may_change_objects, false)) hub->shared.catalogs.changed(pool->database);
  freshness::SessionMark* mark = holder_ ? holder_->commit_mark() : nullptr;
  for (freshness::CommitTicket& ticket : tickets_) {
    hub->shared.ledger.end_commit(ticket, outcome, hub->now(), mark);
  }
  tickets_.clear();
}

}  // namespace heim::session
