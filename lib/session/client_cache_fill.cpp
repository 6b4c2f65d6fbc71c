// What is not in the cache yet: asked for it, or waited for where another asks.
#include "route/cacheable.hpp"
#include "session/client_cache.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"

namespace heim::session {

template <>
void Client::Deleter<Client::Keeping>::operator()(Keeping* keeping) const {
  delete keeping;
}

// Who may ask for what, REVOKE of a membership changes, in whichever database.
std::size_t Client::Cached::miss(cache::Lookup& lookup, const route::Plan& plan, const Terms& terms,
                                 cache::Ticket ticket) {
  const std::string_view sql = text();
  const bool quotes = route::has_quotes(sql);
  const bool changes = (quotes && (route::names_moment(sql) || route::spells_otherwise(sql))) ||
                       route::names_moment(as_text(ask_.parameters));
  if (changes) return 0;
  std::vector<freshness::TableId> tables;
  tables.reserve(plan.reads.size() + 1);
  tables.assign(plan.reads.begin(), plan.reads.end());
  tables.push_back(freshness::Ledger::server_wide);
  lookup.tables = tables;
  Hub& hub = client_.hub;
  const std::uint64_t token = CacheWaiter::token(hub.worker, client_.id);
  // Who has a server does not wait with it.
  CacheWaiter* waiter = client_.server ? nullptr : hub.shared.cache_waiter.get();
  cache::Miss found = hub.shared.cache->miss(lookup, waiter, token, hub.now(), std::move(ticket));
  if (found.entry) return tell(*found.entry);
  if (found.ticket) return wait(std::move(found.ticket));
  if (!found.fill) return 0;
  // What was answered before is not part of it.
  if (!hub.to_client.empty()) client_.deliver(hub.to_client);
  auto* keeping = new Keeping{.fill = std::move(found.fill), .ticket = {}};
  client_.routing().keeping.reset(keeping);
  keeping->gathered = Gatherer(terms.limit);
  keeping->asked = hub.now();
  keeping->ttl = terms.wish.max_age;
  keeping->tables = std::move(tables);
  if (hub.shared.askers) keeping->question = question();
  // What is younger than the store may have it is not looked for there.
  if (hub.shared.store == nullptr || keeping->ttl < hub.shared.cache->limits().ttl) return 0;
  keeping->key = lookup.key;
  keeping->store_key = store_key(keeping->tables);
  keeping->primary = hub.shared.nodes.identity.load();
  if (waiter != nullptr) ask_store(*keeping);
  return 0;
}

// In line behind who asks the same: as if for a server.
std::size_t Client::Cached::wait(cache::Ticket ticket) {
  client_.routing().keeping.reset(new Keeping{.fill = {}, .ticket = std::move(ticket)});
  client_.wait_start_ = client_.hub.now();
  client_.apply(ClientEvent::queued);
  return 0;
}

// A standby may lack what was committed before it was asked.
void Client::Cached::linked(Client& client) {
  if (!client.routing_ || !client.routing_->keeping) return;
  Keeping& keeping = *client.routing_->keeping;
  keeping.grade = cache::Grade::full;
  if (!client.reads_elsewhere_) return;
  const Hub& hub = client.hub;
  const freshness::Verdict strict = hub.shared.ledger.required(keeping.tables, {}, hub.now());
  keeping.lsn = hub.shared.nodes.state(client.pool->record.key.node).replayed.load();
  if (!strict.allows(keeping.lsn, -1)) keeping.grade = cache::Grade::weaker;
}

void Client::Cached::gather(Client& client, const Out& out) {
  Keeping& keeping = *client.routing_->keeping;
  if (!keeping.fill || keeping.number != 0) return;  // nobody has been asked
  for (const Bytes& segment : out.segments()) keeping.gathered.add(segment);
  const Gatherer::State state = keeping.gathered.state();
  if (state == Gatherer::State::open) return;
  const Instant now = client.hub.now();
  if (state == Gatherer::State::whole) {
    const Bytes bytes = keeping.gathered.bytes();
    keep(client, keeping,
         {.pieces = {&bytes, 1},
          .grade = keeping.grade,
          .lsn = keeping.lsn,
          .lag = Duration(-1),
          .ttl = std::max(keeping.ttl, client.hub.shared.cache->limits().ttl),
          .cost = now - keeping.asked});
    note_answered(client, as_bytes(keeping.question), bytes);
  } else if (!keeping.gathered.failed()) {
    keeping.fill.give_up(
        keeping.gathered.too_large() ? cache::Admission::too_large : cache::Admission::given_up,
        now);
  }
  // Another one may have more luck.
  client.routing_->keeping.reset();
}

void Client::Cached::drop(Client& client) {
  if (client.routing_) client.routing_->keeping.reset();
}

void Client::Cached::wake(Client& client, cache::Wake why) {
  const bool waits =
      client.routing_ && client.routing_->keeping && client.routing_->keeping->ticket;
  if (!waits) return;  // it asks something else by now
  if (client.state_ != ClientState::waiting) return drop(client);
  client.routing_->keeping->why = why;
  go_on(client);
}

void Client::Cached::go_on(Client& client) {
  client.apply(ClientEvent::answered);
  client.process_inbox();
  client.resume_reading();
}

void CacheWaiter::wake(std::uint64_t token, cache::Wake why) {
  const pool::SessionId session = token & ((std::uint64_t{1} << 48) - 1);
  fabric_->post(static_cast<pool::WorkerId>(token >> 48), [session, why](Hub& hub) {
    if (Client* client = hub.find(session)) Client::Cached::wake(*client, why);
  });
}

}  // namespace heim::session
