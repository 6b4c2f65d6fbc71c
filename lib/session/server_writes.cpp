// What the transaction that is open on a server has written, told to the ledger: before it may be
// seen, and when it is known whether it is.
#include "session/hub.hpp"
#include "session/pool.hpp"
#include "session/server.hpp"

namespace heim::session {

using freshness::Outcome;

void Server::note_writes(std::span<const freshness::TableId> tables) { writes_.add(tables); }

void Server::announce(bool ends) {
  if (in_block_ && !ends) return;
  in_block_ = false;
  if (writes_.empty()) return;
  freshness::SessionMark* mark = holder_ ? holder_->commit_mark() : nullptr;
  tickets_.push_back(hub->shared.ledger.begin_commit(pool->ledger_database, writes_, mark));
  writes_.clear();
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
  freshness::SessionMark* mark = holder_ ? holder_->commit_mark() : nullptr;
  for (freshness::CommitTicket& ticket : tickets_) {
    hub->shared.ledger.end_commit(ticket, outcome, hub->now(), mark);
  }
  tickets_.clear();
}

}  // namespace heim::session
