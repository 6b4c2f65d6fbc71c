// What a client's statements may write, told to its server as they are sent: see server_writes.cpp.
#include <algorithm>

#include "session/client_routing.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"

namespace heim::session {
namespace {

using sql::Kind;

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

// DDL, or what may hide it.
bool may_change_objects(const sql::Script& script, const route::Plan& plan) {
  return std::any_of(script.statements.begin(), script.statements.end(), [&](const auto& each) {
    const bool hides = plan.needs.writes_everything && !each.functions.empty();
    return hides || each.kind == Kind::ddl || each.kind == Kind::block || each.kind == Kind::call ||
           each.kind == Kind::unknown;
  });
}

}  // namespace

// A simple query, or a function call.
void Client::account_query(Bytes in, const wire::Header& header) {
  if (header.tag != 'Q' || header.body == 0 || in.size() < header.total()) return account_unseen();
  if (odd_strings()) return account_unseen();
  const std::string_view text = as_text(in.subspan(wire::header_size, header.body - 1));
  account(hub.script(text), text);
}

void Client::account_bind(const Statement& statement) {
  if (odd_strings()) return account_unseen();
  const std::string_view content = statement.content;
  const std::string_view text = content.substr(0, content.find('\0'));
  account(statement.script ? statement.script : hub.script(text), text);
}

// Where the server has the client's own names, a Bind may run whatever was parsed before.
void Client::account_own(Bytes in, const wire::Header& header) {
  if (header.tag == 'P') return account_parse(in, header);
  if (header.tag != 'B') return;
  Routing& mine = routing();
  // What they fire may be more than it was.
  if (mine.parsed_version != hub.shared.catalogs.version()) parses_unseen();
  note_group();
  server->note_writes(mine.parsed_writes.ids());
  if (mine.parsed_writes.full()) account_unseen();
  server->announce(true);
}

void Client::account_parse(Bytes in, const wire::Header& header) {
  wire::Fields fields(in.subspan(
      wire::header_size, std::min<std::size_t>(header.body, in.size() - wire::header_size)));
  fields.string();
  const std::string_view text = fields.string();
  if (!fields.ok() || in.size() < header.total() || odd_strings()) return parses_unseen();
  Routing& mine = routing();
  if (mine.parsed_writes.empty()) mine.parsed_version = hub.shared.catalogs.version();
  mine.parsed_writes.add(hub.guide.plan(hub.script(text), text, *pool).writes);
}

// What its statements are is not known: any Bind may write anything.
void Client::parses_unseen() {
  routing().parsed_writes.add(hub.shared.ledger.everything(pool->ledger_database));
}

void Client::note_group() {
  if (is_routed()) wishes();
  const freshness::TableId group = routing().group;
  if (group != 0) server->note_writes({&group, 1});
}

void Client::account_unseen() {
  note_group();
  const freshness::TableId everything = hub.shared.ledger.everything(pool->ledger_database);
  server->note_writes({&everything, 1});
  server->announce(true);
}

void Client::account(const sql::ScriptRef& script, std::string_view text) {
  if (only_rolls_back(*script)) return server->announce_rollback();
  const route::Plan& plan = hub.guide.plan(script, text, *pool);
  if (!plan.writes.empty()) note_group();
  server->note_writes(plan.writes);
  if (pool->catalog && may_change_objects(*script, plan)) server->may_change_objects = true;
  const bool ends = plan.needs.commits_itself || may_end_block(*script);
  if ((script->effects & sql::effect::prepares) != 0 && !shares_names()) parses_unseen();
  for (const sql::Statement& each : script->statements) {
    for (const std::string& name : each.executes) account_execute(name, *script);
  }
  server->announce(ends);
}

// What the name stood for when this transaction began.
const std::string* Client::executed_text(const std::string& name, const sql::Script& script) const {
  constexpr sql::Effects changes = sql::effect::prepares | sql::effect::deallocates |
                                   sql::effect::discards | sql::effect::suspicious;
  if (((effects_ | script.effects) & changes) != 0) return nullptr;
  return vars->find(statement_item(name));
}

void Client::account_execute(const std::string& name, const sql::Script& script) {
  const std::string* text = executed_text(name, script);
  if (!text) return account_unseen();
  server->note_writes(hub.guide.plan(sql::analyse_prepared(*text), *text, *pool).writes);
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
