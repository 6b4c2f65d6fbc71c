#include "freshness/ledger.hpp"

#include <algorithm>

namespace heim::freshness {

namespace {

constexpr std::size_t max_limbo = 4'096;
constexpr std::uint64_t no_token = ~std::uint64_t{0};    // greater than all there are
constexpr std::int64_t no_time = std::int64_t{1} << 62;  // later than all there are

constexpr std::string_view under_way = "a commit to the table is under way";
constexpr std::string_view not_sampled = "the position of the table's last commit is not known yet";
constexpr std::string_view no_floor = "no position of the primary is known yet";
constexpr std::string_view own_under_way = "a commit of the session is under way";
constexpr std::string_view own_not_sampled =
    "the position of the session's last commit is not known yet";

std::int64_t ns(Instant now) { return now.time_since_epoch().count(); }

void raise(std::atomic<std::uint64_t>& value, std::uint64_t to) {
  std::uint64_t seen = value.load(std::memory_order_relaxed);
  while (seen < to && !value.compare_exchange_weak(seen, to)) {
  }
}

void lower(std::atomic<std::uint64_t>& value, std::uint64_t to) {
  std::uint64_t seen = value.load();
  while (seen > to && !value.compare_exchange_weak(seen, to)) {
  }
}

/// The less demanding of two.
Verdict either(const Verdict& a, const Verdict& b) {
  if (a.primary_only != b.primary_only) return a.primary_only ? b : a;
  return b.lsn < a.lsn ? b : a;
}

}  // namespace

Ledger::Ledger() : Ledger(Limits()) {}
Ledger::Ledger(Limits limits) : limits_(limits), tables_(limits.tables, limits.databases) {}
Ledger::~Ledger() = default;

void Ledger::sample_from(cluster::LsnSource* source) {
  source_.store(source);
  if (source != nullptr) source->want_sample();
}

DatabaseId Ledger::database(std::string_view name) { return tables_.database(name); }

TableId Ledger::intern(DatabaseId database, std::string_view table) {
  return tables_.intern(database, table, everything(database));
}

std::optional<TableId> Ledger::find(DatabaseId database, std::string_view table) const {
  return tables_.find(database, table);
}

// Names of tables have no zero byte.
TableId Ledger::group(std::string_view name) {
  return tables_.intern(0, std::string("group ") + std::string(name), Tables::other_groups);
}

// ---- writes

TableId Ledger::find(std::string_view database, std::string_view table) {
  if (database.empty()) return tables_.intern(0, table, Tables::other_groups);
  return intern(this->database(database), table);
}

CommitTicket Ledger::begin_foreign(DatabaseId database, const WriteSet& tables) {
  CommitTicket ticket;
  ticket.active_ = true;
  ticket.tables_ = tables;
  if (tables.full()) ticket.overflow_ = everything(database);
  for (const TableId table : tables.ids()) begin(table);
  if (tables.full()) begin(ticket.overflow_);
  return ticket;
}

CommitTicket Ledger::begin_commit(DatabaseId database, const WriteSet& tables, SessionMark* mark) {
  CommitTicket ticket = begin_foreign(database, tables);
  if (mark != nullptr) ++mark->open;
  commits_.fetch_add(1, std::memory_order_relaxed);
  if (listener_ != nullptr) {
    TableId told[WriteSet::limit + 1];
    std::size_t count = 0;
    for (const TableId table : tables.ids()) told[count++] = table;
    if (tables.full()) told[count++] = ticket.overflow_;
    ticket.told_ = listener_->commit_begins({told, count}, tables.objects());
  }
  return ticket;
}

// The number in flight first: see version().
void Ledger::begin(TableId id) {
  tables_[id].word.fetch_add(Table::one_in_flight);
  tables_[id].version.fetch_add(1);
}

void Ledger::end(TableId id, bool committed, Instant now) {
  Table& table = tables_[id];
  if (!committed) {
    table.word.fetch_sub(Table::one_in_flight);
    return;
  }
  table.version.fetch_add(1);
  table.written_ns.store(ns(now), std::memory_order_relaxed);
  const std::uint64_t epoch = epoch_.load();
  std::uint64_t seen = table.word.load();
  std::uint64_t next = 0;
  do {
    next = (seen & ~Table::epoch_mask) - Table::one_in_flight;
    next |= std::max(Table::dirty(seen), epoch);
  } while (!table.word.compare_exchange_weak(seen, next));
  if (Table::dirty(seen) == 0) remember(id);
}

// Who made it dirty puts it on the list; who makes it clean took it from there.
void Ledger::remember(TableId table) {
  const std::lock_guard lock(mutex_);
  dirty_.push_back(table);
}

void Ledger::finish(const CommitTicket& ticket, bool committed, Instant now) {
  for (const TableId table : ticket.tables_.ids()) end(table, committed, now);
  if (ticket.tables_.full()) end(ticket.overflow_, committed, now);
  if (committed) want();
}

void Ledger::end_commit(CommitTicket& ticket, Outcome outcome, Instant now, SessionMark* mark) {
  if (!ticket.active_) return;
  ticket.active_ = false;
  // Before a sample is asked for: that one covers it.
  const std::uint64_t epoch = epoch_.load();
  if (outcome == Outcome::unknown) {
    put_in_limbo(ticket, now);
  } else {
    finish(ticket, outcome == Outcome::committed, now);
  }
  if (ticket.told_ != 0) listener_->commit_ends(ticket.told_, outcome);
  if (mark != nullptr) {
    --mark->open;
    if (outcome != Outcome::rolled_back) mark->epoch = epoch;
    if (outcome == Outcome::unknown) want();
  }
  tick(now);
}

void Ledger::put_in_limbo(CommitTicket ticket, Instant now) {
  CommitTicket oldest;
  {
    const std::lock_guard lock(mutex_);
    if (limbo_.size() == max_limbo) {
      oldest = limbo_.front().ticket;
      limbo_.erase(limbo_.begin());
      oldest.active_ = true;
    }
    limbo_.push_back({ticket, now + limits_.limbo});
    limbo_count_.store(limbo_.size(), std::memory_order_relaxed);
  }
  if (oldest.active_) finish(oldest, true, now);
}

void Ledger::tick(Instant now) {
  if (limbo_count_.load(std::memory_order_relaxed) == 0) return;
  std::vector<CommitTicket> over;
  {
    const std::lock_guard lock(mutex_);
    const auto keep = std::partition(limbo_.begin(), limbo_.end(),
                                     [now](const Limbo& each) { return each.until > now; });
    for (auto each = keep; each != limbo_.end(); ++each) over.push_back(each->ticket);
    limbo_.erase(keep, limbo_.end());
    limbo_count_.store(limbo_.size(), std::memory_order_relaxed);
  }
  for (const CommitTicket& ticket : over) finish(ticket, true, now);
}

// The position before the version: who finds the new version asks a standby for what it stands for.
void Ledger::heard(std::span<const TableId> tables, std::uint64_t lsn, Instant now) {
  for (const TableId id : tables) {
    raise(tables_[id].lsn, lsn);
    tables_[id].written_ns.store(ns(now), std::memory_order_relaxed);
    tables_[id].version.fetch_add(1);
  }
}

// ---- commits that are not told

void Ledger::suspend() {
  const std::lock_guard lock(mutex_);
  forgot_ = true;
  floor_after_ = no_token;
  since_ns_ = no_time;
  floor_ = 0;
}

void Ledger::forget_positions(Instant now) {
  {
    const std::lock_guard lock(mutex_);
    forgot_ = true;
    floor_ = 0;
    floor_after_ = epoch_.load();
    since_ns_ = ns(now);
  }
  want();
}

// ---- samples

// After the table is dirty: what began before is not enough, and sample_begins() takes the wish
// back before it counts the epoch up.
void Ledger::want() {
  if (wanted_.load() || wanted_.exchange(true)) return;
  if (cluster::LsnSource* source = source_.load()) source->want_sample();
}

std::uint64_t Ledger::sample_begins() {
  wanted_.store(false);
  return epoch_.fetch_add(1) + 1;
}

bool Ledger::settle(Table& table, std::uint64_t token, std::uint64_t lsn) {
  std::uint64_t seen = table.word.load();
  for (;;) {
    if (Table::dirty(seen) >= token) return false;
    raise(table.lsn, lsn);
    if (table.word.compare_exchange_weak(seen, seen & ~Table::epoch_mask)) return true;
  }
}

void Ledger::sample_done(std::uint64_t token, std::uint64_t lsn) {
  samples_.fetch_add(1, std::memory_order_relaxed);
  if (lsn == 0) return sample_failed(token);
  if (token > done_token_.load(std::memory_order_relaxed)) {
    done_lsn_.store(lsn, std::memory_order_release);
    done_token_.store(token, std::memory_order_release);
  }
  bool more = false;
  {
    const std::lock_guard lock(mutex_);
    if (floor_ == 0 && token > floor_after_) floor_.store(lsn, std::memory_order_release);
    std::erase_if(dirty_, [&](TableId id) { return settle(tables_[id], token, lsn); });
    more = !dirty_.empty();
  }
  if (more) want();
}

void Ledger::sample_failed(std::uint64_t) {
  failed_.fetch_add(1, std::memory_order_relaxed);
  want();
}

void Ledger::timeline_switched(std::uint64_t lsn) {
  const std::lock_guard lock(mutex_);
  for (TableId id = 0; id < tables_.count(); ++id) lower(tables_[id].lsn, lsn);
  lower(floor_, lsn);
  lower(done_lsn_, lsn);
}

// ---- reads

void Ledger::look(TableId id, Verdict& verdict) const {
  const std::uint64_t word = tables_[id].word.load(std::memory_order_acquire);
  if (word == 0) {
    const std::uint64_t lsn = tables_[id].lsn.load(std::memory_order_acquire);
    if (lsn <= verdict.lsn) return;
    verdict.lsn = lsn;
    if (!verdict.primary_only) verdict.table = id;
    return;
  }
  verdict.in_flight |= Table::in_flight(word) != 0;
  if (verdict.primary_only) return;
  verdict.primary_only = true;
  verdict.table = id;
  verdict.reason = Table::in_flight(word) != 0 ? under_way : not_sampled;
}

void Ledger::look_at_floor(Verdict& verdict) const {
  verdict.lsn = floor_.load(std::memory_order_acquire);
  if (verdict.lsn != 0) return;
  verdict.primary_only = true;
  verdict.reason = no_floor;
}

void Ledger::settle(SessionMark& mark) const {
  if (mark.epoch == 0) return;
  const std::uint64_t token = done_token_.load(std::memory_order_acquire);
  if (token <= mark.epoch) return;
  mark.lsn = std::max(mark.lsn, done_lsn_.load(std::memory_order_acquire));
  mark.epoch = 0;
}

/// What the session and its group have committed.
Verdict Ledger::own(const Reader& reader) const {
  Verdict verdict;
  if (forgot_.load(std::memory_order_acquire)) look_at_floor(verdict);
  if (reader.mark != nullptr) {
    SessionMark mark = *reader.mark;
    settle(mark);
    verdict.lsn = std::max(verdict.lsn, mark.lsn);
    if (mark.open != 0 || mark.epoch != 0) {
      verdict.primary_only = true;
      verdict.reason = mark.open != 0 ? own_under_way : own_not_sampled;
    }
  }
  if (reader.freshness.scope == Scope::group && reader.group != 0) look(reader.group, verdict);
  return verdict;
}

void Ledger::scope(Verdict& verdict, std::int64_t written, const Reader& reader,
                   Instant now) const {
  switch (reader.freshness.scope) {
    case Scope::strict:
      break;
    case Scope::session:
    case Scope::group:
      verdict = either(verdict, own(reader));
      break;
    case Scope::bounded: {
      // What was written before anybody asked for the time may have been written then.
      std::int64_t since = since_ns_.load(std::memory_order_relaxed);
      if (since == 0 && since_ns_.compare_exchange_strong(since, ns(now))) since = ns(now);
      const Duration window = reader.freshness.window.value_or(reader.lag_window);
      if (!verdict.in_flight) {
        verdict.lag_below = Duration(ns(now) - std::max(written, since)) - window;
      }
      break;
    }
    case Scope::any:
      verdict = Verdict();
      verdict.any = true;
      break;
  }
  if (reader.min_lsn == 0) return;
  verdict.any = false;
  verdict.lag_below = Duration(-1);
  verdict.lsn = std::max(verdict.lsn, reader.min_lsn);
}

template <class Each>
Verdict Ledger::over(const Each& each, const Reader& reader, Instant now) const {
  Verdict verdict;
  std::int64_t written = 0;
  if (reader.freshness.scope != Scope::any) {
    look_at_floor(verdict);
    const bool timed = reader.freshness.scope == Scope::bounded;
    each([&](TableId id) {
      look(id, verdict);
      if (!timed) return;
      written = std::max(written, tables_[id].written_ns.load(std::memory_order_relaxed));
    });
  }
  if (reader.freshness.scope != Scope::strict || reader.min_lsn != 0) {
    scope(verdict, written, reader, now);
  }
  return verdict;
}

Verdict Ledger::required(std::span<const TableId> tables, const Reader& reader, Instant now) const {
  return over(
      [tables](const auto& look_at) {
        for (const TableId id : tables) look_at(id);
      },
      reader, now);
}

Verdict Ledger::required_everything(DatabaseId database, const Reader& reader, Instant now) const {
  return over(
      [this, database](const auto& look_at) {
        look_at(server_wide);
        look_at(everything(database));
        const std::uint32_t count = tables_.count();
        for (TableId id = 0; id < count; ++id) {
          if (tables_[id].database == database) look_at(id);
        }
      },
      reader, now);
}

std::uint64_t Ledger::version(TableId table) const { return tables_[table].version.load(); }

bool Ledger::in_flight(TableId table) const {
  return Table::in_flight(tables_[table].word.load()) != 0;
}

Temperature Ledger::temperature(TableId table) const {
  return static_cast<Temperature>(tables_[table].temperature.load(std::memory_order_relaxed));
}

void Ledger::set_temperature(TableId table, Temperature temperature) {
  tables_[table].temperature.store(static_cast<std::uint8_t>(temperature),
                                   std::memory_order_relaxed);
}

// ---- SHOW LEDGER

std::vector<Ledger::Row> Ledger::rows() const {
  std::vector<Row> rows;
  const std::uint32_t count = tables_.count();
  for (TableId id = 0; id < count; ++id) {
    const Table& table = tables_[id];
    const std::uint64_t word = table.word.load();
    auto [database, name] = tables_.names(id);
    rows.push_back({.database = std::move(database),
                    .table = std::move(name),
                    .version = table.version.load(),
                    .lsn = table.lsn.load(),
                    .in_flight = Table::in_flight(word),
                    .sampled = Table::dirty(word) == 0,
                    .last_write = Instant(Duration(table.written_ns.load())),
                    .temperature = temperature(id)});
  }
  return rows;
}

Ledger::Counts Ledger::counts() const {
  Counts counts{.tables = tables_.count(),
                .overflows = tables_.overflows(),
                .commits = commits_.load(),
                .samples = samples_.load(),
                .samples_failed = failed_.load(),
                .floor = floor_.load(),
                .last_lsn = done_lsn_.load()};
  const std::lock_guard lock(mutex_);
  counts.dirty = dirty_.size();
  counts.limbo = limbo_.size();
  return counts;
}

}  // namespace heim::freshness
