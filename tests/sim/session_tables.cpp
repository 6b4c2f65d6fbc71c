// Shared tables, what may be read and written where, and savepoints.
#include <algorithm>

#include "session.hpp"

namespace heim::sim {

/// False if an error was written.
bool Session::may_write() {
  const Statement& statement = run_.statement;
  const bool asks_insert_position =
      !statement.calls.empty() && statement.calls[0].function == "pg_current_wal_insert_lsn";
  if (asks_insert_position && host_->read_only()) {
    error("55000", "recovery is in progress");
    return false;
  }
  if (!statement.writes()) return true;
  const bool asked_for = block_ && read_only_;
  if (!asked_for && host_->read_only()) host_->on_refused(tag_of(run_));
  if (!asked_for && !host_->read_only()) return true;
  error("25006", "cannot execute this in a read-only transaction");
  return false;
}

/// True if recovery has ended the read that runs.
bool Session::evicted() {
  if (!on_tables() || !host_->conflicts()) return false;
  error("40001", "canceling statement due to conflict with recovery");
  return true;
}

void Session::snapshot() {
  switch (run_.statement.verb) {
    case Verb::begin:
    case Verb::commit:
    case Verb::rollback:
    case Verb::savepoint:
    case Verb::release:
    case Verb::rollback_to:
    case Verb::set:
    case Verb::show:
    case Verb::reset:
      return;
    default:
      break;
  }
  if (!block_ || !one_snapshot_) {
    run_.snapshot = host_->take_snapshot();
    return;
  }
  if (!snapshot_) snapshot_ = host_->take_snapshot();
  run_.snapshot = *snapshot_;
}

/// A tag, and for each table the tag of its newest write.
std::vector<std::string> Session::table_row(const Run& run) const {
  std::vector<std::string> row{text_of(run.statement.values[0], run)};
  for (const std::string& table : run.statement.tables) {
    const auto own = std::find_if(writes_.rbegin(), writes_.rend(),
                                  [&](const Write& write) { return write.table == table; });
    row.push_back(own != writes_.rend() ? own->tag : host_->newest(table, run.snapshot));
  }
  return row;
}

void Session::apply_functions() {
  for (const Call& call : run_.statement.calls) {
    if (call.function != "put_row") continue;
    writes_.push_back(
        {argument(call, 0, run_), argument(call, 1, run_), argument(call, 2, run_), "audit"});
  }
}

std::string Session::apply_change() {
  const Statement& statement = run_.statement;
  // A portal that is done does nothing once more.
  if (statement.verb == Verb::read_tables || run_.done) {
    return "SELECT " + std::to_string(sent_now_);
  }
  if (!statement.writes()) return apply_savepoint();
  std::vector<std::string> row;
  for (const Value& value : statement.values) row.push_back(text_of(value, run_));
  row.resize(3);
  writes_.push_back({row[0], row[1], row[2], statement.name});
  switch (statement.verb) {
    case Verb::insert:
      return "INSERT 0 1";
    case Verb::update:
      return "UPDATE 1";
    case Verb::remove:
      return "DELETE 1";
    default:
      return "SELECT " + std::to_string(sent_now_);
  }
}

std::string Session::apply_savepoint() {
  const Statement& statement = run_.statement;
  if (!block_) {
    error("25P01", "savepoints can only be used in transaction blocks");
    return {};
  }
  if (statement.verb == Verb::savepoint) {
    savepoints_.push_back({statement.name, writes_.size(), gucs_.state(), altered_, fail_at_commit_,
                           listens_.size(), notifies_.size()});
    return "SAVEPOINT";
  }
  const auto found = std::find_if(savepoints_.rbegin(), savepoints_.rend(),
                                  [&](const auto& each) { return each.name == statement.name; });
  if (found == savepoints_.rend()) {
    error("3B001", "savepoint \"" + statement.name + "\" does not exist");
    return {};
  }
  const auto at = found.base() - 1;
  if (statement.verb == Verb::release) return savepoints_.erase(at, savepoints_.end()), "RELEASE";
  forget_writes(at->writes);
  restore(*at);
  savepoints_.erase(at + 1, savepoints_.end());
  failed_ = false;
  return "ROLLBACK";
}

void Session::forget_writes(std::size_t from) {
  if (from >= writes_.size()) return;
  const auto first = writes_.begin() + static_cast<std::ptrdiff_t>(from);
  host_->on_abort({first, writes_.end()});
  writes_.erase(first, writes_.end());
}

}  // namespace heim::sim
