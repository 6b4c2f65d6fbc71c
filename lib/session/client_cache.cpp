#include "session/client_cache.hpp"

#include "session/hub.hpp"
#include "session/pool.hpp"

namespace heim::session {
namespace {

constexpr std::string_view parse_complete("1\0\0\0\4", 5);
constexpr std::string_view bind_complete("2\0\0\0\4", 5);
constexpr std::string_view ready("Z\0\0\0\5I", 6), ready_in_block("Z\0\0\0\5T", 6);

// Of an Execute message. As PostgreSQL has it, none is all of them, and so is less than none.
std::uint32_t row_limit(Bytes body) {
  const std::uint32_t limit = load_be32(&body[1]);
  return limit >> 31 != 0 ? 0 : limit;
}

}  // namespace

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
      if (!bound_ || executed_ || body.size() != 5 || body[0] != 0) return false;
      ask_.row_limit = row_limit(body);
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
    // In a block the portal lives on: the rest of its rows may be asked for.
    if (header.tag == 'S') return executed_ && (ask_.row_limit == 0 || !in_block());
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
  client_.hub.interned = {ask_.content.data(), reading_now(), ask_.statement};
  if (ask_.name.empty()) return is_steady();
  const std::uint64_t limit = client_.hub.settings().proxy.max_client_prepared_bytes;
  return is_steady() && !mine.find(ask_.name) && !client_.vars->find(statement_item(ask_.name)) &&
         mine.bytes() + ask_.content.size() <= limit && client_.is_accepted(*ask_.statement);
}

std::uint64_t Client::Cached::reading_now() const {
  return client_.reading_.literals(client_.id, client_.told_, client_.vars);
}

// It is read now as it was at its Parse.
bool Client::Cached::is_steady() const {
  const Statement& statement = *ask_.statement;
  return !statement.parsed_anew &&
         (!statement.has_literals() || statement.reading == reading_now());
}

std::string_view Client::Cached::text() const {
  return ask_.content.substr(0, ask_.content.find('\0'));
}

cache::Key Client::Cached::key() const {
  const pool::Key& who = client_.pool->record.key;
  cache::KeyBuilder key(client_.hub.shared.hash_seed);
  key.add(client_.pool->dbname).add(who.user);
  key.add(client_.routing_->settings);
  key.add(client_.hub.spellings.find(text()));
  add_question(key);
  return key.key();
}

// What will not be kept is not asked where nobody waits for it.
std::size_t Client::Cached::answer(Bytes in) {
  const std::size_t told = look(in);
  const Prompter::Purpose why = purpose(client_);
  if (told != 0 && why == Prompter::Purpose::prefetch) client_.hub.prefetch.was_there();
  if (told != 0 || why == Prompter::Purpose::none) return told;
  if (client_.routing_ && client_.routing_->keeping) return 0;
  if (ask_.bytes == 0) read(in);
  client_.hub.to_client.copy(ready);
  client_.deliver(client_.hub.to_client);
  return ask_.bytes;
}

std::size_t Client::Cached::look(Bytes in) {
  Kept before;
  if (client_.routing_) before = std::move(client_.routing_->keeping);
  if (before && before->why == cache::Wake::alone) return 0;
  if (!is_alone() || !read(in) || !find_statement()) return 0;
  Hub& hub = client_.hub;
  if (ask_.statement) client_.find_script(*ask_.statement);
  const sql::ScriptRef& script = ask_.simple ? hub.script(text()) : ask_.statement->script;
  route::Plan& plan = hub.guide.plan(script, text(), *client_.pool);
  const std::optional<Terms> terms = this->terms(plan);
  if (!terms || !may_be_told()) return 0;
  cache::Lookup lookup{.key = key(),
                       .fingerprint = script->fingerprint,
                       .tables = {},
                       .wish = terms->wish,
                       .always = terms->always,
                       .looks = purpose(client_) != Prompter::Purpose::none};
  note_asked(!before);
  cache::Cache& cache = *hub.shared.cache;
  if (before && before->fill) return take_found(lookup, *terms, std::move(before));
  if (const cache::EntryRef hit = cache.get(lookup, hub.now())) return tell(*hit);
  return miss(lookup, plan, *terms, before ? std::move(before->ticket) : cache::Ticket());
}

// In the place of a server.
std::size_t Client::Cached::tell(const cache::Entry& entry) {
  Hub& hub = client_.hub;
  const bool in_block = this->in_block();
  client_.last_request = hub.now();
  if (client_.server) client_.server->request_start = hub.now();  // it is not idle
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
  hub.to_client.borrow(entry.bytes().first(entry.layout()[0]));
  hub.to_client.copy(in_block ? ready_in_block : ready);
  client_.deliver(hub.to_client);  // it is not held for longer
  Counters& total = client_.pool->meter->total;
  ++total.query_count;
  total.xact_count += in_block ? 0 : 1;
  if (hub.prefetch.is_on()) note_used(entry);
  return ask_.bytes;
}

}  // namespace heim::session
