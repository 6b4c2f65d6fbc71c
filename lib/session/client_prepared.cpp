// A client's named statement on its server: it is prepared there under a name of ours where it is
// wanted, closed where it is not any more, and its columns stay what the client takes them for.
//
// Who has prepared a statement may never ask for its columns again: drivers keep what they were
// told, and read rows by it. PostgreSQL refuses to run it once they have changed (0A000, "cached
// plan must not change result type"). Where it is prepared anew, on another server or behind a
// change of a table, they are compared first, unless the batch asks for them, and so learns them.
#include <algorithm>

#include "base/hash.hpp"
#include "session/client_tracking.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"

namespace heim::session {
namespace {

// Whether a batch describes this portal, before it is bound anew.
bool describes(Bytes batch, std::string_view portal) {
  wire::Header header;
  while (wire::peek(wire::Origin::client, batch, header) == wire::Peek::ok) {
    if (header.tag == 'S' || batch.size() < header.total()) return false;
    wire::Fields fields(batch.subspan(wire::header_size, header.body));
    const bool is_portal = header.tag != 'D' || fields.u8() == 'P';
    const bool same = is_portal && fields.string() == portal;
    if (same && (header.tag == 'D' || header.tag == 'B')) return header.tag == 'D';
    batch = batch.subspan(header.total());
  }
  return false;
}

// Whether no schema change made it stale.
bool is_current(const Hub& hub, const ServerStatements::Item& item) {
  return item.epoch == hub.shared.schema_epoch.load(std::memory_order_relaxed);
}

}  // namespace

// Before a batch begins, as far as it is here: what it binds is prepared apart where its columns
// are to be looked at. True if that is waited for.
bool Client::waits_for_columns(Bytes in) {
  if (server->batch_open || server->in_failed_transaction()) return false;
  bool waits = false;
  std::string_view looked_at;
  wire::Header header;
  while (wire::peek(wire::Origin::client, in, header) == wire::Peek::ok) {
    if (header.tag == 'S' || header.tag == 'Q' || in.size() < header.total()) break;
    const Bytes rest = in.subspan(header.total());
    if (header.tag == 'B') {
      wire::Fields fields(in.subspan(wire::header_size));
      const std::string_view portal = fields.string(), given = fields.string();
      const bool named = fields.ok() && !given.empty() && given != looked_at;
      if (named && !describes(rest, portal)) {
        looked_at = given;
        waits |= lacks_columns(given);
      }
    }
    in = rest;
  }
  return waits;
}

// Whether it is to be known, and is not yet, what columns a statement has on this server.
bool Client::lacks_columns(std::string_view given) {
  const std::uint64_t told = statements_.columns(given);
  if (told == columns_unknown) return false;
  const StatementRef statement = statements_.find(given);
  const ServerStatements::Item* item = server->prepared.use(key_of(*statement));
  const bool here = item && is_current(hub, *item) && server->prepared.usable(*item);
  if (here && item->columns != 0) {
    const bool same = item->columns == told || item->columns == columns_unknown;
    // One that is here may have been read while its names stood for something else.
    if (same || key_of(*statement, true) == item->hash) return false;
  }
  const bool unsettled = server->owes_client() || (tracking_ && tracking_->asked);
  if (unsettled && !server->apart) return true;
  if (here && item->columns == 0) return false;  // it does not tell
  fresh(key_of(*statement));
  prepare_apart(statement, given);
  return true;
}

// Whatever comes of it, no transaction of the client's is lost.
void Client::prepare_apart(const StatementRef& statement, std::string_view given) {
  server->apart = true;
  const bool open = server->in_transaction();
  if (open) server->run_apart("SAVEPOINT heim_names", hub.to_server);
  Undo change;
  change.name = given;
  prepare(statement, std::move(change), Reply::parse_lenient);
  server->sync_hidden(hub.to_server);
  if (open) server->back_to_savepoint(hub.to_server);
}

// A Bind. `item`: the statement on the server.
bool Client::has_other_columns(Bytes in, const StatementRef& which,
                               const ServerStatements::Item& item) const {
  if (!which->columns_vary || item.columns == 0 || item.columns == columns_unknown) return false;
  const wire::Header header = wire::header_of(in);
  wire::Fields fields(in.subspan(wire::header_size));
  const std::string_view portal = fields.string();
  const std::uint64_t told = statements_.columns(fields.string());
  if (told == columns_unknown || told == item.columns || in.size() < header.total()) return false;
  const bool in_doubt = key_of(*which, true) != item.hash;
  return !in_doubt && !server->in_failed_transaction() &&
         !describes(in.subspan(header.total()), portal);
}

// The server's name for a statement it has and that no schema change made stale.
const ServerStatements::Item* Client::fresh(Hash128 hash) {
  const ServerStatements::Item* item = server->prepared.use(hash);
  if (!item) return nullptr;
  // In a failed transaction none can be prepared anew.
  const bool stays = is_current(hub, *item) || server->in_failed_transaction();
  if (stays && server->prepared.usable(*item)) return item;
  retire(hash);
  close_orphans();
  return nullptr;
}

// It is prepared anew when it is wanted next.
void Client::retire(Hash128 hash) {
  const ServerStatements::Item* item = server->prepared.use(hash);
  if (!item) return;
  if (const std::string* name = own_name(*server, item->number)) {
    server->lost_names.emplace_back(item->number, *name);
  }
  server->orphans.push_back(item->number);
  server->prepared.erase(hash);
}

// Sends a Parse under a name of ours, and makes room for it.
ServerStatements::Item Client::prepare(const StatementRef& statement, Undo change, Reply reply) {
  const auto size = static_cast<std::uint32_t>(statement->content.size());
  const Hash128 key = key_of(*statement, true);
  const ServerStatements::Item item =
      server->prepared.add(key, size, hub.shared.schema_epoch.load(std::memory_order_relaxed),
                           key.low ^ statement->hash.low);
  change.server_added = true;
  change.added = statement;
  change.item = item;
  const std::string name = change.client_named ? change.name : std::string();
  server->remember(std::move(change));
  send_parse(server_name(item.number), *statement, reply, true);
  server->ask_columns(statement, item, name, hub.to_server);
  evict_prepared();
  return item;
}

// The statement on the server.
ServerStatements::Item Client::ensure_prepared(const StatementRef& statement,
                                               const StatementUse& use) {
  for (const Undo& change : server->undo) {
    if (change.added == statement && change.name == use.name && server->has_added(change)) {
      return change.item;
    }
  }
  if (const ServerStatements::Item* item = fresh(key_of(*statement))) return *item;
  return prepare(statement, undo_for(*statement, use), Reply::parse_hidden);
}

// Makes the server's unnamed statement the client's. False if the client has none.
bool Client::ensure_unnamed(const StatementUse& use, Reply reply) {
  const StatementRef& statement = statements_.unnamed();
  if (!statement) return (holds_ & hold_text) != 0;
  if (server->prepared.has_unnamed(key_of(*statement))) return true;
  server->prepared.set_unnamed(key_of(*statement, true));
  Undo change = undo_for(*statement, use);
  const bool says_more = !change.refusal.empty() || !change.said_first.empty();
  if (says_more) server->remember(std::move(change));
  send_parse({}, *statement, reply, says_more);
  return true;
}

void Client::evict_prepared() {
  const config::Proxy& proxy = hub.settings().proxy;
  while (auto old =
             server->prepared.evict(proxy.max_prepared_statements, proxy.max_prepared_bytes)) {
    Undo change;
    change.server_closed = true;
    change.item = *old;
    server->remember(std::move(change));
    std::string message;
    wire::Writer(message, 'C').u8('S').string(server_name(old->number));
    hub.to_server.copy(message);
    server->expect(Reply::close_hidden, true);
  }
}

void Client::close_orphans() {
  for (const std::uint32_t number : server->orphans) {
    std::string message;
    wire::Writer(message, 'C').u8('S').string(server_name(number));
    hub.to_server.copy(message);
    Undo change;
    change.server_closed = true;
    change.item.number = number;
    server->remember(std::move(change));
    server->expect(Reply::close_hidden, true);
  }
  server->orphans.clear();
}

}  // namespace heim::session
