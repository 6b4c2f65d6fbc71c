// What the transaction that is open on a server has written, told to the ledger: before it may be
// seen, and when it is known whether it is.
#include <algorithm>

#include "session/hub.hpp"
#include "session/pool.hpp"
#include "session/server.hpp"

namespace heim::session {

using freshness::Outcome;

void Server::note_writes(std::span<const freshness::TableId> tables) {
  if (writes_.empty() && tickets_.empty()) objects_version_ = hub->shared.catalogs.version();
  writes_.add(tables);
  rolls_back_ = false;  // not these
}

// A transaction that is open, or a statement that runs: what it has done, nobody noted.
void Server::account_unseen() {
  if (!owes() && !in_transaction()) return;
  stand_for_all();
  in_block_ = false;
  announce(true);
}

// The session's group, which its commits carry beside their tables.
void Server::note_group(freshness::TableId group) {
  write_group_ = group;
  note_writes({&group, 1});
}

void Server::announce(bool ends) {
  if (in_block_ && !ends) return;
  in_block_ = false;
  constexpr std::size_t most_tickets = 16;
  const bool objects = announces_objects();
  if (!objects && (writes_.empty() || is_announced())) return writes_.clear();
  if (objects || writes_.full() || tickets_.size() >= most_tickets) stand_for_all();
  if (objects) writes_.add_objects();
  freshness::SessionMark* mark = holder_ ? holder_->commit_mark() : nullptr;
  tickets_.push_back(hub->shared.ledger.begin_commit(pool->ledger_database, writes_, mark));
  if (objects) objects_commit_ = tickets_.back().told();
  writes_.clear();
}

// Other proxies have catalogs, too, and have not heard of it.
bool Server::announces_objects() const {
  if (!may_change_objects || hub->shared.fleet == nullptr) return false;
  return std::ranges::none_of(
      tickets_, [](const freshness::CommitTicket& each) { return each.tables().objects(); });
}

// What fires at a write may have been made anew since it was looked up, and write more.
bool Server::sees_old_objects() const { return objects_version_ != hub->shared.catalogs.version(); }

void Server::write_everything() {
  const freshness::TableId everything = hub->shared.ledger.everything(pool->ledger_database);
  writes_.add({&everything, 1});
}

// More than fits: the whole database then, and what stands beside it.
void Server::stand_for_all() {
  writes_.clear();
  const freshness::TableId all[] = {hub->shared.ledger.everything(pool->ledger_database),
                                    freshness::Ledger::server_wide, write_group_};
  writes_.add({all, write_group_ == 0 ? 2U : 3U});
}

bool Server::is_in_flight(freshness::TableId table) const {
  return std::ranges::any_of(tickets_, [&](const freshness::CommitTicket& ticket) {
    return std::ranges::find(ticket.tables().ids(), table) != ticket.tables().ids().end();
  });
}

// Whether all of it is in flight already: it ends together.
bool Server::is_announced() const {
  const bool group = write_group_ == 0 || is_in_flight(write_group_);
  const bool all = group && is_in_flight(freshness::Ledger::server_wide) &&
                   is_in_flight(hub->shared.ledger.everything(pool->ledger_database));
  if (all || writes_.full()) return all;  // a full set has lost some
  return std::ranges::all_of(writes_.ids(),
                             [&](freshness::TableId table) { return is_in_flight(table); });
}

// Not every proxy has heard that what is answered here may have been committed.
bool Server::withholds(Bytes bytes) {
  fleet::Cover& cover = hub->shared.cover;
  if (!cover.is_strict() || tickets_.empty()) return false;
  if (sees_old_objects() && !rolls_back_) {
    write_everything();
    announce(true);
  }
  const std::uint64_t last = std::ranges::max(tickets_, {}, &freshness::CommitTicket::told).told();
  if (!cover.waits(last, CacheWaiter::token(hub->worker, id))) return false;
  withheld_ += as_text(bytes);
  hub->withheld[id] = this;
  stream->pause();
  return true;
}

// A change of objects is not seen before every proxy has heard that it begins: who does not know of
// a new trigger tells of one table where two are written, and is answered. And where we are killed
// meanwhile, they know that it may come yet.
bool Server::holds_back(const Out& out) {
  fleet::Cover& cover = hub->shared.cover;
  if (objects_commit_ == 0 || !cover.is_on()) return false;
  if (held_.empty() && !cover.waits(objects_commit_, CacheWaiter::token(hub->worker, id))) {
    objects_commit_ = 0;
    return false;
  }
  for (const Bytes& segment : out.segments()) held_ += as_text(segment);
  hub->withheld[id] = this;
  return true;
}

void Server::send_held() {
  if (hub->shared.cover.waits(objects_commit_, CacheWaiter::token(hub->worker, id))) {
    hub->withheld[id] = this;
    return;
  }
  objects_commit_ = 0;
  const std::string bytes = std::exchange(held_, {});
  const Bytes segment = as_bytes(bytes);
  stream->write({&segment, 1});
  if (stream->backlog() == 0) on_drained(*stream);
}

void Server::go_on() {
  hub->withheld.erase(id);
  if (!held_.empty()) send_held();
  if (!stream || withheld_.empty()) return;
  const std::string bytes = std::exchange(withheld_, {});
  if (!read_paused) stream->resume();
  if (!withholds(as_bytes(bytes))) feed(as_bytes(bytes));
}

// Of a ReadyForQuery.
void Server::set_status(char status) {
  tx_ = status;
  recovers_ = false;
  if (owes_client()) return;
  in_block_ = status == 'T';
  if (status != 'I') return;
  const bool rolled_back = std::exchange(rolls_back_, false);
  if (tickets_.empty() && writes_.empty()) return;
  if (sees_old_objects()) write_everything();
  // The end came in a way that was not seen, as by a portal that was bound before the writes.
  if (!rolled_back) announce(true);
  end_writes(Outcome::committed);
}

// What was written and not announced was rolled back.
void Server::end_writes(Outcome outcome) {
  writes_.clear();
  if (std::exchange(may_change_objects, false)) hub->shared.catalogs.changed(pool->dbname);
  freshness::SessionMark* mark = holder_ ? holder_->commit_mark() : nullptr;
  for (freshness::CommitTicket& ticket : tickets_) {
    hub->shared.ledger.end_commit(ticket, outcome, hub->now(), mark);
  }
  tickets_.clear();
  objects_commit_ = 0;
  write_group_ = 0;
}

}  // namespace heim::session
