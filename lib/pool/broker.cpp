#include "pool/broker.hpp"

namespace heim::pool {

Record& Broker::record(const Key& key, const Limits& limits) {
  const std::lock_guard lock(mutex_);
  for (const auto& record : records_) {
    if (record->key == key) {
      record->limits = limits;
      return *record;
    }
  }
  auto made = std::make_unique<Record>();
  made->key = key;
  made->limits = limits;
  made->database_count = &database_counts_[key.database];
  made->user_count = &user_counts_[key.user];
  made->at_node = &nodes_[key.node];
  made->idle = std::make_unique<Record::IdleCount[]>(workers_);
  records_.push_back(std::move(made));
  return *records_.back();
}

bool Broker::outer_room(const Record& record) const {
  const Limits& limits = record.limits;
  return (limits.database == 0 || *record.database_count < limits.database) &&
         (limits.user == 0 || *record.user_count < limits.user);
}

bool Broker::room(const Record& record, bool with_reserve) const {
  const std::uint32_t size = record.limits.size + (with_reserve ? record.limits.reserve : 0);
  return record.servers < size && outer_room(record);
}

void Broker::take_slot(Record& record) {
  ++record.servers;
  ++*record.database_count;
  ++*record.user_count;
  ++record.opening;
  ++record.at_node->opening;
}

bool Broker::may_open(const Record& record) const {
  const NodeCount& node = *record.at_node;
  return node.most == 0 || node.opening < node.most;
}

void Broker::put_in_line(Record& record, Ticket& ticket) {
  // Who comes from another pool's line, whose node is gone, has waited there.
  Ticket* before = record.line.back();
  while (before && before->since > ticket.since) before = record.line.prev(*before);
  record.line.insert_after(before, ticket);
  // Sequentially consistent with the idle counts: either this worker sees the other's idle
  // connection, or the other, which looks at `waiters` after it counted, sees this ticket.
  (ticket.wants_new ? record.want_new : record.waiters).fetch_add(1, std::memory_order_seq_cst);
}

void Broker::take_from_line(Record& record, Ticket& ticket) {
  record.line.remove(ticket);
  (ticket.wants_new ? record.want_new : record.waiters).fetch_sub(1, std::memory_order_relaxed);
}

Joined Broker::join(Record& record, Ticket& ticket) {
  const std::lock_guard lock(mutex_);
  const bool paused = record.paused.load(std::memory_order_relaxed);
  ticket.wants_new &= !paused && record.can_open && room(record, false);
  put_in_line(record, ticket);
  Joined joined;
  if (paused) return joined;
  for (WorkerId worker = 0; worker < workers_ && !ticket.wants_new; ++worker) {
    if (worker != ticket.worker && record.idle[worker].value.load(std::memory_order_seq_cst) > 0) {
      joined.wake_idle = true;
      return joined;
    }
  }
  if (!record.can_open || record.opening >= record.line.size()) return joined;
  if (!may_open(record)) return joined;
  if (room(record, false)) {
    take_slot(record);
    joined.open = true;
  } else {
    joined.evict = record.servers < record.limits.size && !outer_room(record);
  }
  return joined;
}

bool Broker::leave(Record& record, Ticket& ticket) {
  const std::lock_guard lock(mutex_);
  if (!ticket.hook.linked) return false;
  take_from_line(record, ticket);
  return true;
}

bool Broker::in_line(const Ticket& ticket) {
  const std::lock_guard lock(mutex_);
  return ticket.hook.linked;
}

bool Broker::hemmed_in(Record& record) {
  const std::lock_guard lock(mutex_);
  return !record.line.empty() && record.can_open && !record.paused &&
         record.opening < record.line.size() && record.servers < record.limits.size &&
         !outer_room(record);
}

bool Broker::has_open(Record& record) {
  const std::lock_guard lock(mutex_);
  return record.servers > record.opening;
}

Limits Broker::limits(Record& record) {
  const std::lock_guard lock(mutex_);
  return record.limits;
}

std::optional<Broker::Winner> Broker::offer(Record& record, bool is_new) {
  const std::lock_guard lock(mutex_);
  if (record.paused.load(std::memory_order_relaxed)) return std::nullopt;
  const bool wants_new = is_new && record.want_new.load(std::memory_order_relaxed) != 0;
  Ticket* ticket = record.line.front();
  while (ticket && ticket->wants_new != wants_new) ticket = record.line.next(*ticket);
  if (!ticket) return std::nullopt;
  take_from_line(record, *ticket);
  return Winner{ticket->worker, ticket->session};
}

bool Broker::reserve_slot(Record& record) {
  const std::lock_guard lock(mutex_);
  if (!room(record, false)) return false;
  take_slot(record);
  return true;
}

bool Broker::reserve_below(Record& record, std::uint32_t minimum) {
  const std::lock_guard lock(mutex_);
  if (record.servers >= minimum || !room(record, false)) return false;
  take_slot(record);
  return true;
}

bool Broker::force_slot(Record& record) {
  const std::lock_guard lock(mutex_);
  if (!outer_room(record)) return false;
  take_slot(record);
  if (!room(record, true)) record.forced = true;
  return true;
}

bool Broker::over_limit(Record& record) {
  const std::lock_guard lock(mutex_);
  record.forced = record.servers > record.limits.size + record.limits.reserve;
  return record.forced;
}

std::optional<OpenOrder> Broker::opened(Record& record) {
  const std::lock_guard lock(mutex_);
  --record.opening;
  --record.at_node->opening;
  return record.at_node->most == 0 ? std::nullopt : order_after(record);
}

void Broker::ease(std::uint32_t node, std::uint32_t opening) {
  const std::lock_guard lock(mutex_);
  nodes_[node].most = opening;
}

std::optional<OpenOrder> Broker::order_after(const Record& opened) {
  Record* oldest = nullptr;
  bool anybody = false;
  for (const auto& record : records_) {
    const Ticket* head = record->at_node == opened.at_node ? record->line.front() : nullptr;
    if (!head) continue;
    anybody = true;
    // The one that has just been opened is for the first of its line.
    const std::size_t coming = record->opening + (record.get() == &opened ? 1U : 0U);
    const bool could = record->can_open && coming < record->line.size();
    if (!could || record->paused.load(std::memory_order_relaxed) || !room(*record, false)) continue;
    if (!oldest || head->since < oldest->line.front()->since) oldest = record.get();
  }
  if (!anybody) opened.at_node->most = 0;
  return oldest ? order_for(*oldest, false) : std::nullopt;
}

std::optional<OpenOrder> Broker::order_for(Record& record, bool with_reserve) {
  if (record.line.empty() || !record.can_open || record.paused.load(std::memory_order_relaxed)) {
    return std::nullopt;
  }
  if (record.opening >= record.line.size() || !may_open(record)) return std::nullopt;
  if (!room(record, with_reserve)) return std::nullopt;
  take_slot(record);
  return OpenOrder{record.line.front()->worker, &record};
}

std::optional<OpenOrder> Broker::order_any(const Record& freed) {
  for (const auto& record : records_) {
    if (record->key.database != freed.key.database && record->key.user != freed.key.user) continue;
    if (auto order = order_for(*record, false)) return order;
  }
  return std::nullopt;
}

std::optional<OpenOrder> Broker::closed(Record& record, bool was_opening) {
  const std::lock_guard lock(mutex_);
  --record.servers;
  --*record.database_count;
  --*record.user_count;
  if (was_opening) {
    // Opening failed: trying again at once would hammer the server. The owner retries by
    // reconsider().
    --record.opening;
    --record.at_node->opening;
    return std::nullopt;
  }
  if (auto order = order_for(record, false)) return order;
  return order_any(record);
}

std::optional<OpenOrder> Broker::reconsider(Record& record, Instant now) {
  const std::lock_guard lock(mutex_);
  const Ticket* head = record.line.front();
  if (!head) return std::nullopt;
  auto order = order_for(record, now - head->since >= record.limits.reserve_after);
  if (!order && record.opening == 0) settle_for_used(record);
  return order;
}

// There is no room for the new connections that some want: any will do.
void Broker::settle_for_used(Record& record) {
  for (Ticket* ticket = record.line.front(); ticket; ticket = record.line.next(*ticket)) {
    ticket->wants_new = false;
  }
  record.waiters.fetch_add(record.want_new.exchange(0), std::memory_order_seq_cst);
}

void Broker::set_can_open(Record& record, bool can_open) {
  const std::lock_guard lock(mutex_);
  record.can_open = can_open;
}

std::vector<Broker::Count> Broker::counts() {
  const std::lock_guard lock(mutex_);
  std::vector<Count> all;
  for (const auto& record : records_) {
    all.push_back({record->key, record->servers, static_cast<std::uint32_t>(record->line.size()),
                   record->limits});
  }
  return all;
}

std::vector<Record*> Broker::records() {
  const std::lock_guard lock(mutex_);
  std::vector<Record*> all;
  for (const auto& record : records_) all.push_back(record.get());
  return all;
}

std::optional<Instant> Broker::head_since(Record& record) {
  const std::lock_guard lock(mutex_);
  if (const Ticket* head = record.line.front()) return head->since;
  return std::nullopt;
}

}  // namespace heim::pool
