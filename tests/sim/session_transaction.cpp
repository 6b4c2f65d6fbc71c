// Transactions of a simulated session: begin, commit, abort, and what follows from each.
#include "session.hpp"
#include "wire/encoder.hpp"

namespace heim::sim {

void Session::start_transaction() {
  if (in_transaction_) return;
  in_transaction_ = true;
  gucs_.begin();
}

void Session::begin_block() {
  block_ = true;
  block_tag_ = current_tag_;
  read_only_ = run_.statement.read_only;
  one_snapshot_ = run_.statement.one_snapshot;
  ++blocks_;
  host_->on_block_begun(current_tag_, blocks_);
}

/// Ends the transaction well. If it cannot, the error is written and the transaction rolled back.
bool Session::commit() {
  if (!in_transaction_) return true;
  if (fail_at_commit_) {
    committing_ = true;
    error("23505", "duplicate key value violates a deferred constraint");
    committing_ = false;
    return false;
  }
  gucs_.commit();
  if (!writes_.empty()) host_->on_commit(writes_);
  if (altered_) host_->alter();
  for (const auto& [channel, on] : listens_) {
    host_->listen(channel, on);
    if (on) {
      channels_.insert(channel);
    } else if (channel == "*") {
      channels_.clear();
    } else {
      channels_.erase(channel);
    }
  }
  for (const auto& [channel, payload] : notifies_) host_->notify_all(channel, payload);
  writes_.clear();
  end_block();
  return true;
}

/// An error: an explicit transaction stays open, failed; an implicit one is over.
void Session::abort() {
  if (!in_transaction_) return;
  // ROLLBACK TO can bring back what was before a savepoint.
  if (savepoints_.empty() || committing_) {
    gucs_.roll_back();
    forget_writes(0);
    listens_.clear();
    notifies_.clear();
    altered_ = fail_at_commit_ = false;
  } else {
    restore(savepoints_.back());
  }
  if (block_ && !committing_) {
    failed_ = true;
  } else {
    end_block();  // a COMMIT that fails ends the block too
  }
}

void Session::restore(const Savepoint& savepoint) {
  gucs_.restore(savepoint.gucs);
  altered_ = savepoint.altered;
  fail_at_commit_ = savepoint.fails_at_commit;
  listens_.resize(savepoint.listens);
  notifies_.resize(savepoint.notifies);
}

void Session::end_block() {
  in_transaction_ = block_ = failed_ = altered_ = fail_at_commit_ = false;
  read_only_ = one_snapshot_ = false;
  snapshot_.reset();
  savepoints_.clear();
  block_tag_.clear();
  listens_.clear();
  notifies_.clear();
  portals_.clear();
}

void Session::lose_transaction() {
  gucs_.roll_back();
  forget_writes(0);
  end_block();
}

/// BEGIN, COMMIT and ROLLBACK in all states. False if an error was written.
bool Session::transaction_verb(Verb verb) {
  if (verb == Verb::begin) {
    if (block_) {
      notice("25001", "there is already a transaction in progress");
    } else {
      begin_block();
    }
    complete(run_.statement.text.starts_with("START") ? "START TRANSACTION" : "BEGIN");
    return true;
  }
  if (!block_) notice("25P01", "there is no transaction in progress");
  if (verb == Verb::commit && !failed_) {
    if (!commit()) return false;
    complete("COMMIT");
    return true;
  }
  gucs_.roll_back();
  forget_writes(0);
  end_block();
  complete("ROLLBACK");
  return true;
}

}  // namespace heim::sim
