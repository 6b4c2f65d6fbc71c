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

}  // namespace

// A simple query, or a function call.
void Client::account_query(Bytes in, const wire::Header& header) {
  if (header.tag != 'Q' || header.body == 0 || in.size() < header.total()) return account_unseen();
  const std::string_view text = as_text(in.subspan(wire::header_size, header.body - 1));
  routing();  // its commits have a mark, from begin to end
  account(hub.script(text), text);
}

void Client::account_bind(const Statement& statement) {
  routing();
  const std::string_view content = statement.content;
  const std::string_view text = content.substr(0, content.find('\0'));
  account(statement.script ? statement.script : hub.script(text), text);
}

// Where the server has the client's own names, a Bind may run whatever was parsed before.
void Client::account_own(Bytes in, const wire::Header& header) {
  if (header.tag == 'P') {
    wire::Fields fields(in.subspan(wire::header_size, std::min<std::size_t>(header.body, in.size() - wire::header_size)));
    fields.string();
    const std::string_view text = fields.string();
    const bool whole = fields.ok() && in.size() >= header.total();
    Routing& mine = routing();
    if (whole) {
      const route::Plan& plan = hub.guide.plan(hub.script(text), text, *pool);
      mine.parsed_writes.add(plan.writes);
    } else {
      mine.parsed_writes.add(hub.shared.ledger.everything(pool->ledger_database));
    }
  } else if (header.tag == 'B') {
    server->note_writes(routing().parsed_writes.ids());
    if (routing().parsed_writes.full()) account_unseen();
    server->announce(true);
  }
}

void Client::account_unseen() {
  routing();
  const freshness::TableId everything = hub.shared.ledger.everything(pool->ledger_database);
  server->note_writes({&everything, 1});
  server->announce(true);
}

void Client::account(const sql::ScriptRef& script, std::string_view text) {
  if (only_rolls_back(*script)) return server->announce_rollback();
  const route::Plan& plan = hub.guide.plan(script, text, *pool);
  server->note_writes(plan.writes);
  if (!plan.writes.empty() && routing_ && routing_->group != 0) {
    server->note_writes({&routing_->group, 1});
  }
  const bool ends = plan.needs.commits_itself || may_end_block(*script);
  for (const sql::Statement& each : script->statements) {
    for (const std::string& name : each.executes) account_execute(name);
  }
  server->announce(ends);
}

void Client::account_execute(const std::string& name) {
  const std::string* text = vars->find(statement_item(name));
  if (!text) return account_unseen();
  server->note_writes(hub.guide.plan(sql::analyse_prepared(*text), *text, *pool).writes);
}

}  // namespace heim::session
