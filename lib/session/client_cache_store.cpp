// What another member of the fleet has kept for all: it is asked for before the database is, and
// what the database said is kept for the others. See fleet/horizon.hpp.
#include "crypto/hash.hpp"
#include "fleet/coding.hpp"
#include "fleet/fleet.hpp"
#include "fleet/store.hpp"
#include "session/client_cache.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"
#include "sql/spelling.hpp"

namespace heim::session {
namespace {

/// Parts of a key, each with its length.
struct Parts {
  Parts& add(std::string_view part) { return fleet::put_text(bytes, part), *this; }
  Parts& add_number(std::uint64_t number) { return fleet::put_number(bytes, number), *this; }
  std::string bytes;
};

}  // namespace

// Of all that makes the answer what it is, in any process: the cache's own key has a secret seed.
std::string Client::Cached::store_key(std::span<const freshness::TableId> tables) const {
  Parts parts;
  parts.add(client_.pool->dbname).add(client_.pool->record.key.user);
  for (const auto& [name, value] : client_.vars->items) {
    if (!is_beside(name)) parts.add(name).add(value);
  }
  std::string buffer;
  parts.add({}).add(sql::one_spelling(text(), buffer));
  add_question(parts);
  // Catalogs may differ on what a view reads.
  for (const freshness::TableId table : tables) {
    const auto [database, name] = client_.hub.shared.ledger.names(table);
    parts.add(database).add(name);
  }
  return crypto::hex(crypto::view(crypto::sha256(parts.bytes)));
}

// As if in line for a server.
void Client::Cached::ask_store(Keeping& keeping) {
  Hub& hub = client_.hub;
  if (keeping.primary == 0 || !hub.shared.store->may_hold(keeping.store_key)) return;
  keeping.number = hub.shared.next_id.fetch_add(1);
  client_.wait_start_ = hub.now();
  client_.apply(ClientEvent::queued);
  hub.shared.store->ask(keeping.store_key,
                        {CacheWaiter::token(hub.worker, client_.id), keeping.number});
}

void Shared::tell_found(const fleet::Store::Asker& asker, fleet::Store::Found found) {
  const pool::SessionId session = asker.token & ((std::uint64_t{1} << 48) - 1);
  auto carried = std::make_shared<fleet::Store::Found>(std::move(found));
  fabric->post(static_cast<pool::WorkerId>(asker.token >> 48),
               [session, question = asker.number, carried](Hub& hub) {
                 Client* client = hub.find(session);
                 if (client) Client::Cached::found(*client, question, std::move(*carried));
               });
}

void Client::Cached::found(Client& client, std::uint64_t question, fleet::Store::Found&& found) {
  Keeping* keeping = client.routing_ ? client.routing_->keeping.get() : nullptr;
  if (!keeping || keeping->number != question) return;  // it asks something else by now
  if (client.state_ != ClientState::waiting) return drop(client);
  keeping->number = 0;
  keeping->found = std::move(found);
  go_on(client);
}

// The batch that it was asked for, once more: told, or else the database is asked.
std::size_t Client::Cached::take_found(const cache::Lookup& lookup, const Terms& terms, Kept kept) {
  Shared& shared = client_.hub.shared;
  const Instant now = client_.hub.now();
  if (kept->key != lookup.key) return 0;
  const std::optional<fleet::Parcel>& parcel = kept->found.parcel;
  const bool good = parcel && parcel->primary == kept->primary &&
                    parcel->primary == shared.nodes.identity.load() &&
                    parcel->answer.size() <= terms.limit &&
                    shared.fleet->covers(parcel->stamp, kept->tables);
  if (!good) {
    kept->found = {};
    kept->asked = now;
    client_.routing().keeping = std::move(kept);
    return 0;
  }
  const Bytes bytes = as_bytes(parcel->answer);
  admit(client_, *kept,
        {.pieces = {&bytes, 1},
         .ttl = std::min(kept->found.left, shared.cache->limits().ttl),
         .cost = std::chrono::microseconds(parcel->cost_us)});
  const cache::EntryRef hit = shared.cache->get(lookup, now);
  if (!hit) return 0;
  ++shared.store->taken;
  return tell(*hit);
}

// In the cache, and in the store if that finds it good for every scope. The stamp comes before the
// fence judges.
cache::Admission Client::Cached::keep(Client& client, Keeping& keeping,
                                      const cache::Answer& answer) {
  Shared& shared = client.hub.shared;
  std::optional<fleet::Stamp> stamp;
  if (!keeping.store_key.empty()) stamp = shared.fleet->stamp();
  const cache::Admission how = admit(client, keeping, answer);
  const bool same = keeping.primary != 0 && keeping.primary == shared.nodes.identity.load();
  if (!stamp || !same || how != cache::Admission::stored) return how;
  fleet::Parcel parcel{.primary = keeping.primary,
                       .stamp = std::move(*stamp),
                       .cost_us = static_cast<std::uint64_t>(to_us(answer.cost)),
                       .answer = std::string(as_text(answer.pieces[0]))};
  shared.store->put(std::move(keeping.store_key), std::move(parcel), answer.ttl);
  return how;
}

}  // namespace heim::session
