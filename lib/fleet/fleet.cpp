#include "fleet/fleet.hpp"

#include <algorithm>

namespace heim::fleet {
namespace {

using freshness::Outcome;

constexpr std::size_t most_sent = 65'536;     // of which it is remembered when they were sent
constexpr std::size_t longest_table = 1'000;  // what a message takes

Item::Kind kind_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::committed:
      return Item::Kind::committed;
    case Outcome::rolled_back:
      return Item::Kind::rolled_back;
    case Outcome::unknown:
      break;
  }
  return Item::Kind::unknown;
}

Outcome outcome_of(Item::Kind kind) {
  if (kind == Item::Kind::committed) return Outcome::committed;
  return kind == Item::Kind::rolled_back ? Outcome::rolled_back : Outcome::unknown;
}

}  // namespace

Fleet::Fleet(Options options, freshness::Ledger& ledger, Trust& trust, Cover& cover,
             Cover::Wake wake, FleetOwner& owner)
    : options_(std::move(options)),
      id_(member_id(options_.name)),
      ledger_(ledger),
      trust_(trust),
      cover_(cover),
      owner_(owner),
      last_commit_(options_.process),
      born_(options_.clock()),
      changes_(ledger, owner) {
  trust_.begin(options_.clock);
  cover_.begin(last_commit_, options_.strict, std::move(wake));
  status_.trouble = absent_;
}

// ---- commits of ours, by any thread

std::uint64_t Fleet::commit_begins(std::span<const freshness::TableId> tables, bool objects) {
  Local local{.kind = Item::Kind::begins, .tables = {tables.begin(), tables.end()}, .held = {}};
  local.objects = objects;
  if (objects) local.held = changes_.hold(Changes::databases(names_of(local.tables)));
  std::uint64_t commit = 0;
  {
    const std::lock_guard lock(local_mutex_);
    commit = local.commit = ++last_commit_;
    if (options_.stamps) horizon_.wrote_here(tables);
    local_.push_back(std::move(local));
  }
  owner_.wake();
  return commit;
}

void Fleet::commit_ends(std::uint64_t commit, Outcome outcome) {
  {
    const std::lock_guard lock(local_mutex_);
    local_.push_back({.kind = kind_of(outcome), .commit = commit, .tables = {}, .held = {}});
  }
  owner_.wake();
}

std::vector<TableName> Fleet::names_of(const std::vector<freshness::TableId>& tables) const {
  std::vector<TableName> names;
  for (const freshness::TableId table : tables) {
    auto [database, name] = ledger_.names(table);
    if (name.size() > longest_table) name = "*";
    names.push_back({std::move(database), std::move(name)});
  }
  return names;
}

void Fleet::invalidate(const Hash128& fingerprint) {
  {
    const std::lock_guard lock(local_mutex_);
    horizon_.raise();  // with the message that it goes with
    local_queries_.push_back(fingerprint);
  }
  owner_.wake();
}

bool Fleet::has_local() {
  const std::lock_guard lock(local_mutex_);
  return !local_.empty() || !local_queries_.empty();
}

void Fleet::take_local(Message& message, Instant now) {
  std::vector<Local> taken;
  {
    const std::lock_guard lock(local_mutex_);
    taken.swap(local_);
    message.queries.swap(local_queries_);
    if (joined_) horizon_.made(number_);
  }
  if (!message.queries.empty()) clean_ = clean_ && is_heard();
  for (Local& each : taken) message.items.push_back(item_of(each, now));
}

Item Fleet::item_of(Local& local, Instant now) {
  Item item{.kind = local.kind, .commit = local.commit, .tables = {}, .objects = local.objects};
  if (local.kind == Item::Kind::begins) {
    item.tables = names_of(local.tables);
    clean_ = clean_ && is_heard();
    const bool waits = options_.strict || local.objects;
    if (waits) uncovered_.push_back({local.commit, joined_ ? number_ : 0, now});
    open_[local.commit] = {item.tables, local.objects, local.held};
  } else if (auto open = open_.extract(local.commit)) {
    item.tables = std::move(open.mapped().tables);
    item.objects = open.mapped().objects;
    if (item.objects) {
      changes_.end_own(open.mapped().held, Changes::databases(item.tables), outcome_of(item.kind),
                       joined_ ? number_ : 0, now);
    }
  }
  return item;
}

// How their commits end, nobody will tell.
template <class Test>
void Fleet::drop_members(const Test& test, Instant now) {
  for (auto at = members_.begin(); at != members_.end();) {
    if (!test(at->second)) {
      ++at;
      continue;
    }
    end_all(at->second.commits, Outcome::unknown, now);
    horizon_.gone(at->first);
    at = members_.erase(at);
  }
}

// ---- in and out

void Fleet::join(const Roll& roll, Instant now) {
  horizon_.join(id_, roll.run);
  forget();
  joined_ = repeats_ = true;
  superseded_ = false;
  run_ = roll.run;
  wait_until_ = now + roll.wait;
  number_ = own_number_ = last_news_ = 0;
  own_step_ = {};
  sent_.clear();
  floor_ = 0;
  changes_.renumber();
  for (Uncovered& each : uncovered_) each.number = 0;
  drop_members(
      [&](Member& member) {
        member.run = member.number = 0;  // what it said meanwhile was not heard
        member.knows = 0;
        member.in_step = {};
        const auto is_it = [&](const auto& entry) { return entry.first == member.name; };
        return roll.complete && std::ranges::none_of(roll.members, is_it);
      },
      now);
  for (const auto& [name, theirs] : roll.members) {
    if (name == options_.name) continue;
    Member& member = members_[member_id(name)];
    if (member.name.empty()) {
      member.heard_at = now;
      member.lease = options_.lease;
    }
    member.name = name;
    member.run = theirs;
  }
  {
    const std::lock_guard lock(status_mutex_);
    ++status_.joins;
  }
  send(now);
  renew(now);
}

void Fleet::leave(const std::string& why, Instant now) {
  absent_ = why;
  if (std::exchange(joined_, false) && own_number_ < last_news_)
    clean_ = false;  // it may not have reached anybody
  renew(now);
}

void Fleet::say_goodbye(Instant now) {
  if (!joined_) return;
  send(now, true);
  joined_ = false;
  absent_ = "said goodbye";
  owner_.unlist(options_.name, run_);
  renew(now);
}

Instant Fleet::step(Instant now) {
  look_at_silent(now);
  changes_.step(heard_by_all(), options_.lease, now);
  if (!joined_) {
    Message nobody;
    take_local(nobody, now);
    cover(now);
    const bool idle = uncovered_.empty() && changes_.empty();
    return now + (idle ? long_silence : options_.interval);
  }
  if (urgent_ || now >= last_sent_ + options_.interval || has_local()) send(now);
  cover(now);
  return last_sent_ + options_.interval;
}

// What has been queued by now goes with it: so the queue is taken last.
void Fleet::send(Instant now, bool leaves) {
  Message message{.name = options_.name,
                  .process = options_.process,
                  .run = run_,
                  .number = ++number_,
                  .first = number_ == 1,
                  .clean = true,
                  .leaves = leaves,
                  .repeats = repeats_,
                  .asks = false,
                  .lease_ns = static_cast<std::uint64_t>(options_.lease.count()),
                  .heard = {},
                  .items = {},
                  .queries = {}};
  for (const auto& [id, member] : members_) {
    if (member.number != 0) message.heard.push_back({id, member.run, member.number});
  }
  take_local(message, now);
  message.clean = std::exchange(clean_, true);
  message.asks = options_.strict || !uncovered_.empty();
  if (repeats_) {
    for (const auto& [commit, open] : open_) {
      message.items.push_back({Item::Kind::begins, commit, open.tables, open.objects});
    }
    for (Uncovered& each : uncovered_) {
      if (each.number == 0) each.number = number_;
    }
  }
  if (!message.items.empty() || !message.queries.empty() || !message.clean) last_news_ = number_;
  repeats_ = urgent_ = false;
  last_sent_ = now;
  sent_.push_back({number_, now});
  if (sent_.size() > most_sent) sent_.pop_front();
  {
    const std::lock_guard lock(status_mutex_);
    ++status_.sent;
  }
  owner_.publish(encode(message));
}

// Instant{}: that is too long ago.
Instant Fleet::sent_at(std::uint64_t number) const {
  if (sent_.empty() || number < sent_.front().number || number > number_) return {};
  return sent_[number - sent_.front().number].at;
}

// ---- what is heard

void Fleet::hear(std::string_view bytes, Instant now) {
  const std::optional<Message> message = decode(bytes);
  if (!message || !joined_) return;
  {
    const std::lock_guard lock(status_mutex_);
    ++status_.heard;
  }
  if (message->name == options_.name) return hear_self(*message, now);
  Member& member = meet(*message, now);
  if (!message->clean) forget();
  if (message->run != member.run) return apply_late(*message, now);
  member.hearing = message->number;
  for (const Item& item : message->items) apply(member, item, now);
  apply_queries(*message);
  if (!count_number(member, *message)) return;
  if (message->repeats) compare(member, *message, now);
  horizon_.heard(member_id(member.name), member.run, member.number);
  member.heard_at = now;
  member.lease = Duration(static_cast<std::int64_t>(message->lease_ns));
  if (message->asks && !message->items.empty()) urgent_ = true;
  note_heard(member, *message);
  if (message->leaves) {
    end_all(member.commits, Outcome::unknown, now);
    horizon_.gone(member_id(message->name));
    members_.erase(member_id(message->name));
  }
  renew(now);
  cover(now);
}

void Fleet::apply_queries(const Message& message) {
  if (!message.queries.empty()) horizon_.raise();
  for (const Hash128& query : message.queries) owner_.forget_query(query);
}

// How far it has heard us.
void Fleet::note_heard(Member& member, const Message& message) {
  for (const Message::Heard& heard : message.heard) {
    if (heard.member != id_ || heard.run != run_) continue;
    if (heard.number > floor_) member.in_step = std::max(member.in_step, sent_at(heard.number));
    member.knows = std::max(member.knows, heard.number);
  }
}

// False: what was before it is missing, so it was not heard either. We leave.
bool Fleet::count_number(Member& member, const Message& message) {
  if (member.number == 0) {
    urgent_ = repeats_ = true;
  } else if (message.number != member.number + 1) {
    owner_.lost("messages of " + member.name + " were lost");
    return false;
  }
  member.number = message.number;
  return true;
}

// Of a life that is over: nobody will say how it ended.
void Fleet::apply_late(const Message& message, Instant now) {
  Member nobody;
  for (const Item& item : message.items) apply(nobody, item, now);
  apply_queries(message);
  horizon_.raise();
  end_all(nobody.commits, Outcome::unknown, now);
}

// All that it has in flight is in the message: the rest has ended, and that was not heard.
void Fleet::compare(Member& member, const Message& message, Instant now) {
  Commits before = std::exchange(member.commits, {});
  for (const Item& item : message.items) {
    if (item.kind != Item::Kind::begins) continue;
    if (auto known = before.extract(item.commit)) member.commits.insert(std::move(known));
  }
  end_all(before, Outcome::committed, now);
}

// Our own message came back: so has all that was published before it.
void Fleet::hear_self(const Message& message, Instant now) {
  if (message.process != options_.process) {
    superseded_ = superseded_ || message.run > run_;
    apply_late(message, now);
  } else if (message.run == run_) {
    if (message.number != own_number_ + 1) return owner_.lost("messages of our own were lost");
    own_number_ = message.number;
    own_step_ = std::max(own_step_, sent_at(message.number));
  }
  renew(now);
}

// Who speaks. One that is new, or has joined anew, is told what is in flight here.
Fleet::Member& Fleet::meet(const Message& message, Instant now) {
  const auto [at, is_new] = members_.try_emplace(member_id(message.name));
  Member& member = at->second;
  if (is_new) {
    member.name = message.name;
    member.process = message.process;
    member.heard_at = now;
    if (!message.first) forget();
  }
  if (message.run > member.run) {
    if (member.process != message.process) {
      end_all(member.commits, Outcome::unknown, now);
      forget();  // its last messages may have been lost with it
    }
    member.run = message.run;
    member.number = 0;
    member.in_step = {};
    horizon_.gone(member_id(member.name));
  }
  if (message.run == member.run) member.process = message.process;
  return member;
}

void Fleet::apply(Member& member, const Item& item, Instant now) {
  if (item.kind == Item::Kind::begins) {
    if (!member.commits.contains(item.commit)) {
      member.commits.emplace(item.commit, begin(member, item));
      const std::lock_guard lock(status_mutex_);
      ++status_.commits;
    }
    return;
  }
  auto known = member.commits.extract(item.commit);
  Foreign commit = known ? std::move(known.mapped()) : begin(member, item);
  end(commit, outcome_of(item.kind), now);
}

Fleet::Foreign Fleet::begin(const Member& member, const Item& item) {
  Foreign commit;
  if (item.objects) commit.changes = Changes::databases(item.tables);
  changes_.begin(commit.changes);
  commit.ticket = ledger_.begin_foreign(0, set_of(item.tables));
  if (options_.stamps) {
    horizon_.wrote(member_id(member.name), member.hearing, commit.ticket.tables());
  }
  return commit;
}

void Fleet::end(Foreign& commit, Outcome outcome, Instant now) {
  if (!commit.changes.empty()) {
    changes_.end(commit.changes, outcome, joined_ ? number_ + 1 : 0, now);
  }
  ledger_.end_commit(commit.ticket, outcome, now);
}

// Of many tables, everything stands for those of a database.
freshness::WriteSet Fleet::set_of(const std::vector<TableName>& tables) {
  const bool all = tables.size() > freshness::WriteSet::limit;
  freshness::WriteSet set;
  for (const TableName& name : tables) {
    const bool whole = all && !name.database.empty();
    set.add(ledger_.find(name.database, whole ? "*" : name.table));
  }
  return set;
}

void Fleet::end_all(Commits& commits, Outcome outcome, Instant now) {
  for (auto& [number, commit] : commits) end(commit, outcome, now);
  commits.clear();
}

// ---- those who are silent

void Fleet::look_at_silent(Instant now) {
  const bool forgets = options_.forget_after > Duration::zero();
  const std::size_t before = members_.size();
  drop_members(
      [&](Member& member) {
        if (now >= member.heard_at + long_silence) end_all(member.commits, Outcome::unknown, now);
        if (!forgets || now < member.heard_at + options_.forget_after) return false;
        owner_.unlist(member.name, member.run);
        return true;
      },
      now);
  if (members_.size() != before) renew(now);
}

}  // namespace heim::fleet
