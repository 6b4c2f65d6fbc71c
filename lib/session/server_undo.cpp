// What becomes of prepared statements when a message fails: names, here and on the server, go back
// to what they stood for.
#include <algorithm>

#include "session/hub.hpp"
#include "session/pool.hpp"
#include "session/server.hpp"

namespace heim::session {
namespace {

// What the client's names stood for.
void put_back(ClientStatements& statements, const Undo& change) {
  if (change.own) statements.own.put(*change.own);
  if (!change.client_named) return;
  if (change.before) {
    statements.set(change.name, change.before);
    statements.told_columns(change.name, *change.before, change.columns);
  } else {
    statements.erase(change.name);
  }
}

}  // namespace

void Server::take_back_all() {
  for (std::size_t i = undo.size(); i > 0; --i) take_back(undo[i - 1], true);
  undo.clear();
  poisons.clear();
  mended_.clear();
  prepared.forget_unnamed();
}

// Of one that was lost: what its holder's names stood for, too.
void Server::take_back_all(Holder& former) {
  holder_ = &former;
  take_back_all();
  holder_ = nullptr;
}

// A query that may have deallocated statements failed, and it is not known where.
void Server::forgot_perhaps(bool refused) {
  // All was run, and then the commit failed, as where it checks a deferred constraint: the names
  // are gone.
  const bool ran = undo.front().forgets_behind == completed_ && !refused;
  ClientStatements* statements = holder_ ? holder_->statements() : nullptr;
  if (ran && statements) statements->clear_named();
  // Some may still be there. To close one that is not is no error.
  for (const auto& item : prepared.items()) orphans.push_back(item.number);
  prepared.clear_named();
  reset_needed_ = true;
  undo.pop_front();
  expected_.clear_undo();
}

// An extended message failed: the server ignores what follows up to Sync, and so do we.
void Server::drop_batch() {
  std::size_t count = 0;
  std::size_t undos = 0;
  std::size_t poisoned = 0;
  std::size_t mended = 0;
  bool unnamed_gone = false;
  while (count < expected_.size() && !is_sync(expected_.at(count).reply)) {
    undos += expected_.at(count).undo;
    poisoned += count > 0 && expected_.at(count).reply == Reply::poison;
    mended += expected_.at(count).mended;
    const Reply reply = expected_.at(count).reply;
    if (is_unnamed_parse(reply)) {
      prepared.unnamed_failed();
      unnamed_gone |= count == 0 && reply == Reply::parse_unnamed;
    }
    ++count;
  }
  skipping = count == expected_.size();
  sequences_mixed |= std::exchange(forgets_sequences_, false);
  // What a later batch has set meanwhile stands.
  bool unnamed_set_since = false;
  for (std::size_t i = count; i < expected_.size(); ++i) {
    const Reply later = expected_.at(i).reply;
    unnamed_set_since |= later == Reply::parse_unnamed || later == Reply::query;
  }
  if (unnamed_set_since) pass_on_unnamed(undos, unnamed_gone);
  for (std::size_t i = undos; i > 0; --i) take_back(undo[i - 1], !unnamed_set_since);
  if (unnamed_gone && !unnamed_set_since) unnamed_failed();
  undo.erase(undo.begin(), undo.begin() + static_cast<std::ptrdiff_t>(undos));
  poisons.erase(poisons.begin(), poisons.begin() + static_cast<std::ptrdiff_t>(poisoned));
  mended_.erase(mended_.begin(), mended_.begin() + static_cast<std::ptrdiff_t>(mended));
  for (; count > 0; --count) expected_.pop();
}

// What a later batch replaces is not what the failed one, of the first `count` changes, had set: if
// that fails as well, what was there before the two is there again, or nothing where that is
// `gone`.
void Server::pass_on_unnamed(std::size_t count, bool gone) {
  const auto sets = [](const Undo& change) { return change.client_unnamed; };
  const auto middle = undo.begin() + static_cast<std::ptrdiff_t>(count);
  const auto later = std::find_if(middle, undo.end(), sets);
  if (later == undo.end() || !later->before) return;  // null: a query between them took it away
  const auto failed = std::find_if(undo.begin(), middle, sets);
  if (gone) {
    later->before = nullptr;
  } else if (failed != middle) {
    later->before = failed->before;
  }
}

// PostgreSQL drops the unnamed statement before it reads the new one.
void Server::unnamed_failed() {
  if (ClientStatements* statements = holder_ ? holder_->statements() : nullptr) {
    statements->set_unnamed(nullptr);
  }
}

// A Parse of ours that failed, and may.
void Server::drop_lenient_parse(Bytes error) {
  const Expected::Entry front = expected_.front();
  if (is_unnamed_parse(front.reply)) prepared.unnamed_failed();
  if (front.undo) {
    if (undo.front().absent > 0) absent.learn(undo.front().absent, error);
    take_back(undo.front(), true);
    const Undo change = std::move(undo.front());
    undo.pop_front();
    ClientStatements* statements = holder_ ? holder_->statements() : nullptr;
    if (change.added && statements) statements->forget_columns(change.name);
  }
  // What it cannot be given, it cannot describe. Its Sync is next.
  for (expected_.pop(); !is_sync(expected_.front().reply); expected_.pop()) {
    if (!expected_.front().undo) continue;
    take_back(undo.front(), true);
    undo.pop_front();
  }
}

void Server::confirm(const Expected::Entry& entry) {
  if (!entry.undo) return;
  if (const Undo& change = undo.front(); change.server_added) {
    prepared.confirm(change.item);
    accepted(*change.added, change.item, 0);
  } else if (change.asks_columns) {
    told_columns(change);
  }
  undo.pop_front();
}

void Server::ask_columns(const StatementRef& statement, const ServerStatements::Item& item,
                         const std::string& name, Out& out) {
  Undo change;
  change.asks_columns = true;
  change.added = statement;
  change.item = item;
  change.name = name;
  remember(std::move(change));
  std::string message;
  wire::Writer(message, 'D').u8('S').string(server_name(item.number));
  out.copy(message);
  expect(Reply::describe_hidden, true);
}

// A server says what a statement that it was given takes and gives.
bool Server::on_described(std::uint8_t tag, Bytes body, bool whole) {
  const Reply due = next_due();
  if (due == Reply::query && tag == 'T') return true;
  const bool ours = due == Reply::describe_hidden;
  if (tag == 't') {
    if (ours) types_ = whole ? as_text(body) : std::string_view();
    return !ours && (due == Reply::describe || violate("a ParameterDescription"));
  }
  if (ours) columns_ = whole ? columns_of(tag, body) : columns_unknown;
  return pop_if(Reply::describe, Reply::describe_hidden);
}

void Server::told_columns(const Undo& change) {
  prepared.told_columns(change.item, columns_);
  change.added->note_columns(columns_);
  change.added->parameters = types_;
  accepted(*change.added, change.item, columns_);
  ClientStatements* statements = holder_ ? holder_->statements() : nullptr;
  if (statements) statements->told_columns(change.name, *change.added, columns_);
  // The name may have been given up since, in vain.
  for (Undo& later : undo) {
    if (later.before == change.added && later.name == change.name) later.columns = columns_;
  }
}

void Server::accepted(Statement& statement, const ServerStatements::Item& item,
                      std::uint64_t columns) {
  const pool::Record& record = pool->record;
  const bool known = statement.valid_in == &record && statement.valid_epoch == item.epoch &&
                     statement.valid_as == item.hash;
  if (known && (columns == 0 || columns == statement.valid_columns)) return;
  statement.valid_columns = columns;
  statement.valid_in = &record;
  statement.valid_epoch = item.epoch;
  statement.valid_as = item.hash;
  hub->shared.accepted.add(record, item.hash, item.epoch, columns);
}

void Server::take_back_added(const Undo& change) {
  prepared.erase(change.item);
  if (change.client_named) lost_names.emplace_back(change.item.number, change.name);
}

void Server::take_back(const Undo& change, bool with_unnamed) {
  if (change.forgotten) {
    for (const auto& item : change.forgotten->server) prepared.restore(item);
    ClientStatements* statements = holder_ ? holder_->statements() : nullptr;
    if (statements) *statements = change.forgotten->client.copy();
    return;
  }
  if (change.server_added) take_back_added(change);
  if (change.asks_columns) prepared.told_columns(change.item, columns_unknown);
  if (change.server_closed) orphans.push_back(change.item.number);
  ClientStatements* statements = holder_ ? holder_->statements() : nullptr;
  if (change.client_unnamed) {
    prepared.drop_unnamed();
    if (statements && with_unnamed) statements->set_unnamed(change.before);
  }
  if (statements) put_back(*statements, change);
}

}  // namespace heim::session
