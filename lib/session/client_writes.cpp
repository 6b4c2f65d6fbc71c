// What a client's statements may write, told to its server as they are sent: see server_writes.cpp.
#include <algorithm>

#include "session/client_cache.hpp"
#include "session/client_routing.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"

namespace heim::session {
namespace {

using sql::Kind;

constexpr std::size_t small_text = 4096;  // bytes of a statement that is kept to be read anew

bool may_end_block(const sql::Script& script) {
  if ((script.effects & (sql::effect::transaction | sql::effect::suspicious)) == 0) return false;
  return std::any_of(script.statements.begin(), script.statements.end(), [](const auto& each) {
    return each.kind == Kind::commit || each.kind == Kind::rollback ||
           each.kind == Kind::two_phase || each.kind == Kind::unknown;
  });
}

bool only_rolls_back(const sql::Script& script) {
  return script.statements.size() == 1 && script.statements[0].kind == Kind::rollback;
}

// A FunctionCall message of a function that comes with PostgreSQL: of large objects, mostly.
bool is_builtin_call(Bytes in, const wire::Header& header) {
  constexpr std::uint32_t first_of_users = 16384;  // FirstNormalObjectId
  return header.tag == 'F' && in.size() >= wire::header_size + 4 &&
         load_be32(in.data() + wire::header_size) < first_of_users;
}

// DDL, or what may hide it. While the catalog is not known, each function may hide something: then
// only what is likely to counts, or the catalog would never be.
bool may_change_objects(const sql::Script& script, const route::Plan& plan, bool known) {
  const bool opaque = known && plan.needs.writes_everything;
  return std::any_of(script.statements.begin(), script.statements.end(), [&](const auto& each) {
    const bool ddl = each.kind == Kind::ddl && (each.traits & sql::trait::makes_temp) == 0;
    return ddl || (opaque && !each.functions.empty()) || each.kind == Kind::block ||
           each.kind == Kind::call || each.kind == Kind::unknown;
  });
}

}  // namespace

// A simple query, or a function call.
void Client::account_query(Bytes in, const wire::Header& header) {
  if (!hub.guide.on()) return;
  if (is_builtin_call(in, header)) return account_everything();
  if (header.tag != 'Q' || header.body == 0 || in.size() < header.total()) return account_unseen();
  if (odd_strings()) return account_unseen();
  const std::string_view text = as_text(in.subspan(wire::header_size, header.body - 1));
  account(hub.script(text), text);
}

void Client::account_bind(const Statement& statement) {
  if (odd_strings()) return account_unseen();
  const std::string_view text = statement.text();
  account(statement.script ? statement.script : hub.script(text), text);
}

// Where the server has the client's own names, a Bind may run whatever was parsed before.
void Client::account_own(Bytes in, const wire::Header& header) {
  if (header.tag == 'P') return account_parse(in, header);
  if (header.tag != 'B') return;
  routing().block = Routing::Block::other;
  Parsed& parsed = routing().parsed;
  // What they fire may be more than it was.
  if (parsed.version != hub.shared.catalogs.version()) parse_anew();
  note_group();
  server->note_writes(parsed.writes.ids());
  server->may_change_objects |= parsed.changes_objects;
  if (parsed.unseen || parsed.writes.full()) account_everything();
  server->announce(true);
}

void Client::account_parse(Bytes in, const wire::Header& header) {
  wire::Fields fields(in.subspan(
      wire::header_size, std::min<std::size_t>(header.body, in.size() - wire::header_size)));
  const bool named = !fields.string().empty();
  const std::string_view text = fields.string();
  if (!fields.ok() || in.size() < header.total() || odd_strings()) return parses_unseen();
  Parsed& parsed = routing().parsed;
  if (parsed.texts.empty()) parsed.version = hub.shared.catalogs.version();
  if (take_parsed(text)) (named ? parsed.changes_objects : server->may_change_objects) = true;
  constexpr std::size_t limit = 64;
  const bool known = std::ranges::find(parsed.texts, text) != parsed.texts.end();
  if (known || parsed.unseen) return;
  if (parsed.texts.size() >= limit || text.size() > small_text) return parses_unseen();
  parsed.texts.emplace_back(text);
}

// Whether it may change objects.
bool Client::take_parsed(std::string_view text) {
  Parsed& parsed = routing().parsed;
  const sql::ScriptRef script = hub.script(text);
  const route::Plan& plan = hub.guide.plan(script, text, *pool);
  parsed.writes.add(plan.writes);
  return may_change_objects(*script, plan, pool->catalog != nullptr);
}

void Client::parse_anew() {
  Parsed& parsed = routing().parsed;
  parsed.version = hub.shared.catalogs.version();
  parsed.writes.clear();
  for (const std::string& text : parsed.texts) take_parsed(text);
}

// What its statements are is not known: any Bind may write anything.
void Client::parses_unseen() {
  Parsed& parsed = routing().parsed;
  parsed.unseen = true;
  parsed.texts.clear();
}

void Client::note_group() {
  if (is_routed()) wishes();
  const freshness::TableId group = routing().group;
  if (group != 0) server->note_group(group);
}

void Client::account_unseen() {
  server->may_change_objects = true;
  account_everything();
}

void Client::account_everything() {
  routing().block = Routing::Block::other;
  note_group();
  const freshness::TableId everything = hub.shared.ledger.everything(pool->ledger_database);
  server->note_writes({&everything, 1});
  server->announce(true);
}

void Client::account(const sql::ScriptRef& script, std::string_view text) {
  if (only_rolls_back(*script)) return server->announce_rollback();
  const route::Plan& plan = hub.guide.plan(script, text, *pool);
  hub.guide.used(plan);
  if (hub.shared.cache) Cached::note(*this, *script, plan);
  if (hub.guide.profiles()) take_profile(script);
  if (!plan.writes.empty()) note_group();
  server->note_writes(plan.writes);
  server->may_change_objects |= may_change_objects(*script, plan, pool->catalog != nullptr);
  const bool ends = plan.needs.commits_itself || may_end_block(*script);
  if ((script->effects & sql::effect::prepares) != 0 && !shares_names()) parses_unseen();
  for (const sql::Statement& each : script->statements) {
    for (const std::string& name : each.executes) account_execute(name, *script);
  }
  server->announce(ends);
}

// Only of what runs alone.
void Client::take_profile(const sql::ScriptRef& script) {
  routing().profiled = server->owes_client() ? nullptr : script;
}

void Client::note_profile(const Server& given) {
  if (!routing_ || !routing_->profiled) return;
  const sql::ScriptRef script = std::exchange(routing_->profiled, nullptr);
  if (!given.batch_failed) {
    hub.guide.profile(*script, *pool, hub.now() - given.request_start, given.rows);
  }
}

// What the name stood for when this transaction began.
const std::string* Client::executed_text(const std::string& name, const sql::Script& script) const {
  constexpr sql::Effects changes = sql::effect::prepares | sql::effect::deallocates |
                                   sql::effect::discards | sql::effect::suspicious;
  if (((open_effects() | script.effects) & changes) != 0) return nullptr;
  return vars->find(statement_item(name));
}

void Client::account_execute(const std::string& name, const sql::Script& script) {
  const std::string* text = executed_text(name, script);
  if (!text) return account_everything();  // what can be prepared is no DDL
  server->note_writes(
      hub.guide.plan(sql::analyse_prepared(*text, hub.analysis.host()), *text, *pool).writes);
}

// Whether literals may be read otherwise than they were here.
bool Client::odd_strings() {
  if (odd_of_ != told_) {
    odd_of_ = told_;
    const std::string* value = told_ ? told_->find("standard_conforming_strings") : nullptr;
    odd_told_ = value && *value == "off";
  }
  return odd_strings_ || odd_told_;
}

}  // namespace heim::session
