#include "session/client_cache.hpp"

#include "route/cacheable.hpp"
#include "session/client_routing.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"
#include "sql/hint.hpp"

namespace heim::session {
namespace {

// Above it a server is asked: what a client does not read is its own affair then.
constexpr std::size_t backlog_high = 65536;
constexpr std::string_view parse_complete("1\0\0\0\4", 5);
constexpr std::string_view bind_complete("2\0\0\0\4", 5);
constexpr std::string_view ready("Z\0\0\0\5I", 6);

// The format of each column: 0 or 1 for all of them, else the list as it is.
void add_formats(cache::KeyBuilder& key, Bytes formats) {
  const auto each = [&](std::size_t at) { return load_be16(formats.data() + 2 * at); };
  const std::size_t count = formats.size() / 2;
  if (count <= 1) {
    key.add_number(count == 0 ? 0 : each(0));
  } else {
    key.add(as_text(formats));
  }
}

// Settings that no answer hangs on; statements of SQL's PREPARE are among them.
bool is_beside(std::string_view name) {
  return is_statement_item(name) || name == "application_name" || name.starts_with("heimproxy.");
}

}  // namespace

template <>
void Client::Deleter<Client::Keeping>::operator()(Keeping* keeping) const {
  delete keeping;
}

// Nothing of the session's own state stands in the way.
bool Client::Cached::is_alone() const {
  if (!client_.tracks_state() || !client_.splits_ || client_.in_held_block()) return false;
  if (!client_.shares_names() || !client_.reading_.is_told() || client_.odd_strings()) return false;
  if (client_.backlog() > backlog_high || client_.pool->policy.standby_only) return false;
  const Routing& mine = client_.wishes();
  return mine.wish.kind == config::Wish::Kind::none && !mine.freshness && !mine.serializable &&
         mine.min_lsn == 0;
}

bool Client::Cached::read_query(Bytes body) {
  if (body.empty() || as_text(body).find('\0') != body.size() - 1) return false;
  ask_.simple = ask_.describes = true;
  ask_.content = as_text(body.first(body.size() - 1));
  return true;
}

bool Client::Cached::read_parse(Bytes body) {
  if (ask_.parses || bound_) return false;
  wire::Fields fields(body);
  ask_.name = fields.string();
  ask_.content = as_text(fields.rest());
  ask_.parses = true;
  return fields.ok();
}

bool Client::Cached::read_bind(Bytes body) {
  if (bound_) return false;
  bound_ = true;
  wire::Fields fields(body);
  const bool unnamed = fields.string().empty();
  const std::string_view name = fields.string();
  if (!unnamed || (ask_.parses && name != ask_.name)) return false;
  ask_.name = name;
  const Bytes begin = fields.rest();
  for (std::uint32_t left = fields.u16(); left > 0 && fields.ok(); --left) fields.u16();
  for (std::uint32_t left = fields.u16(); left > 0 && fields.ok(); --left) {
    const std::uint32_t size = fields.u32();
    if (size != ~std::uint32_t{0}) fields.bytes(size);
  }
  ask_.parameters = begin.first(begin.size() - fields.rest().size());
  const std::uint32_t formats = fields.u16();
  ask_.formats = fields.rest();
  return fields.ok() && ask_.formats.size() == 2 * formats;
}

bool Client::Cached::read_message(const wire::Header& header, Bytes body) {
  switch (header.tag) {
    case 'P':
      return read_parse(body);
    case 'B':
      return read_bind(body);
    case 'D':
      if (!bound_ || executed_ || ask_.describes || as_text(body) != std::string_view("P\0", 2)) {
        return false;
      }
      return ask_.describes = true;
    case 'E':
      if (!bound_ || executed_ || body.size() != 5 || body[0] != 0 || load_be32(&body[1]) != 0) {
        return false;
      }
      return executed_ = true;
    default:
      return false;
  }
}

// The batch that is here whole: a query, or one statement of the extended protocol.
bool Client::Cached::read(Bytes in) {
  std::size_t seen = 0;
  wire::Header header;
  while (wire::peek(wire::Origin::client, in.subspan(seen), header) == wire::Peek::ok) {
    if (in.size() - seen < header.total()) return false;
    const Bytes body = in.subspan(seen + wire::header_size, header.body);
    const bool first = seen == 0;
    seen += header.total();
    ask_.bytes = seen;
    if (header.tag == 'Q') return first && read_query(body);
    if (header.tag == 'S') return executed_;
    if (!read_message(header, body)) return false;
  }
  return false;
}

// The statement of a Bind, or what a Parse would make: as without_server() has it.
bool Client::Cached::find_statement() {
  if (ask_.simple) return true;
  const ClientStatements& mine = client_.statements_;
  if (!ask_.parses) {
    ask_.statement = ask_.name.empty() ? mine.unnamed() : mine.find(ask_.name);
    if (!ask_.statement) return false;
    ask_.content = ask_.statement->content;
    return is_steady();
  }
  ask_.statement = client_.intern(ask_.name, ask_.content);
  if (ask_.name.empty()) return is_steady();
  const std::uint64_t limit = client_.hub.settings().proxy.max_client_prepared_bytes;
  return is_steady() && !mine.find(ask_.name) && !client_.vars->find(statement_item(ask_.name)) &&
         mine.bytes() + ask_.content.size() <= limit && client_.is_accepted(*ask_.statement);
}

// It is read now as it was at its Parse.
bool Client::Cached::is_steady() const {
  const Statement& statement = *ask_.statement;
  const std::uint64_t now = client_.reading_.literals(client_.id, client_.told_, client_.vars);
  return !statement.parsed_anew && (!statement.has_literals() || statement.reading == now);
}

std::string_view Client::Cached::text() const {
  return ask_.content.substr(0, ask_.content.find('\0'));
}

cache::Key Client::Cached::key() const {
  constexpr std::string_view no_types("\0\0", 2);
  const pool::Key& who = client_.pool->record.key;
  cache::KeyBuilder key(client_.hub.shared.hash_seed);
  key.add(client_.pool->dbname).add(who.user);
  for (const auto& [name, value] : client_.vars->items) {
    if (!is_beside(name)) key.add(name).add(value);
  }
  // What the client knows its answers to be formatted by.
  key.add_number(client_.told_ ? client_.told_->reported : 0);
  const std::string_view sql = text();
  key.add(sql).add(ask_.simple ? no_types : ask_.content.substr(sql.size() + 1));
  key.add(ask_.simple ? std::string_view("\0\0\0\0", 4) : as_text(ask_.parameters));
  add_formats(key, ask_.formats);
  return key.add_number(ask_.describes).key();
}

std::size_t Client::Cached::answer(Bytes in) {
  std::unique_ptr<Keeping, Deleter<Keeping>> before;
  if (client_.routing_) before = std::move(client_.routing_->keeping);
  if (before && before->why == cache::Wake::alone) return 0;
  if (!is_alone() || !read(in) || !find_statement()) return 0;
  Hub& hub = client_.hub;
  if (ask_.statement) client_.find_script(*ask_.statement);
  const sql::ScriptRef script = ask_.simple ? hub.script(text()) : ask_.statement->script;
  const route::Plan& plan = hub.guide.plan(script, text(), *client_.pool);
  if (!plan.uncached.empty()) return 0;
  cache::Lookup lookup{.key = key(), .fingerprint = script->fingerprint, .tables = {}};
  cache::Cache& cache = *hub.shared.cache;
  if (const cache::EntryRef hit = cache.get(lookup, hub.now())) return tell(*hit);
  return miss(lookup, plan, before ? std::move(before->ticket) : cache::Ticket());
}

// Who may ask for what, REVOKE of a membership changes, in whichever database.
std::size_t Client::Cached::miss(cache::Lookup& lookup, const route::Plan& plan,
                                 cache::Ticket ticket) {
  const std::string_view sql = text();
  const sql::Hint hint = sql::find_hint(sql);
  const bool keeps = hint.route.empty() && hint.freshness.empty() && !route::names_moment(sql) &&
                     !route::spells_otherwise(sql) &&
                     !route::names_moment(as_text(ask_.parameters));
  if (!keeps) return 0;
  std::vector<freshness::TableId> tables = plan.reads;
  tables.push_back(freshness::Ledger::server_wide);
  lookup.tables = tables;
  Hub& hub = client_.hub;
  const std::uint64_t token = CacheWaiter::token(hub.worker, client_.id);
  cache::Miss found = hub.shared.cache->miss(lookup, hub.shared.cache_waiter.get(), token,
                                             hub.now(), std::move(ticket));
  if (found.entry) return tell(*found.entry);
  if (found.ticket) return wait(std::move(found.ticket));
  if (!found.fill) return 0;
  // What was answered before is not part of it.
  if (!hub.to_client.empty()) client_.deliver(hub.to_client);
  const std::uint64_t limit = hub.shared.cache->limits().entry_bytes;
  client_.routing().keeping.reset(new Keeping{.fill = std::move(found.fill),
                                              .ticket = {},
                                              .gathered = Gatherer(limit),
                                              .asked = hub.now()});
  return 0;
}

// In line behind who asks the same: as if for a server.
std::size_t Client::Cached::wait(cache::Ticket ticket) {
  client_.routing().keeping.reset(
      new Keeping{.fill = {}, .ticket = std::move(ticket), .gathered = Gatherer()});
  client_.wait_start_ = client_.hub.now();
  client_.apply(ClientEvent::queued);
  return 0;
}

// In the place of a server.
std::size_t Client::Cached::tell(const cache::Entry& entry) {
  Hub& hub = client_.hub;
  client_.last_request = hub.now();
  ClientStatements& mine = client_.statements_;
  if (ask_.simple) {
    if (mine.unnamed()) mine.set_unnamed(nullptr);
  } else {
    if (ask_.parses) {
      hub.to_client.copy(parse_complete);
      ++client_.pool->meter->total.client_parse_count;
      if (ask_.name.empty()) {
        mine.set_unnamed(ask_.statement);
      } else {
        mine.set(ask_.name, ask_.statement, client_.vars);
      }
    }
    hub.to_client.copy(bind_complete);
  }
  hub.to_client.borrow(entry.bytes());
  hub.to_client.copy(ready);
  client_.deliver(hub.to_client);  // it is not held for longer
  Counters& total = client_.pool->meter->total;
  ++total.query_count;
  ++total.xact_count;
  return ask_.bytes;
}

void Client::Cached::gather(Client& client, const Out& out) {
  Keeping& keeping = *client.routing_->keeping;
  if (!keeping.fill) return;  // it has a server after all
  for (const Bytes& segment : out.segments()) keeping.gathered.add(segment);
  const Gatherer::State state = keeping.gathered.state();
  if (state == Gatherer::State::open) return;
  const Instant now = client.hub.now();
  if (state == Gatherer::State::whole && is_fresh(client)) {
    const Bytes bytes = keeping.gathered.bytes();
    const Gatherer::Parts& parts = keeping.gathered.parts();
    keeping.fill.admit({.pieces = {&bytes, 1},
                        .layout = {parts.description, parts.rows, parts.completion},
                        .cost = now - keeping.asked},
                       now);
  } else {
    keeping.fill.give_up(
        keeping.gathered.too_large() ? cache::Admission::too_large : cache::Admission::given_up,
        now);
  }
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

// Whether the node that answered had all that was acknowledged when it was asked.
bool Client::Cached::is_fresh(const Client& client) {
  const bool strict = client.pool->policy.freshness.scope == freshness::Scope::strict;
  return !client.reads_elsewhere_ || (strict && client.hub.guide.rules() == nullptr);
}

}  // namespace heim::session
