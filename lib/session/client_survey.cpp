// What a batch does, as far as it is here: looked at before it is decided which node runs it.
#include "session/client_survey.hpp"

#include <algorithm>

#include "session/hub.hpp"
#include "session/pool.hpp"

namespace heim::session {
namespace {

using sql::Kind;

// Settings, locks, cursors, savepoints: what stays with a transaction.
bool is_plain(const sql::Script& script) {
  using namespace sql::effect;
  constexpr sql::Effects traces = local | local_role | settings | all_settings | role | locks |
                                  prepares | is_stable | is_volatile | advisory_lock;
  return (script.effects & traces) == 0 &&
         std::all_of(script.statements.begin(), script.statements.end(),
                     [](const sql::Statement& each) { return each.kind == Kind::read; });
}

// Writes of tables that others see. Temporary ones can be written in a block that only reads, and
// so can much else that is no table.
bool fails_where_read_only(const sql::Script& script) {
  using namespace sql::effect;
  constexpr sql::Effects others = suspicious | temp | notifies | listens | advisory_lock | loads;
  return (script.effects & others) == 0 &&
         std::all_of(script.statements.begin(), script.statements.end(), [](const auto& each) {
           return each.kind == Kind::write || each.kind == Kind::ddl || each.kind == Kind::copy_in;
         });
}

// SET TRANSACTION is among them: what the block is, is decided by it.
bool sets_locally(const sql::Script& script) {
  return std::any_of(script.statements.begin(), script.statements.end(), [](const auto& each) {
    return each.kind == Kind::set || each.kind == Kind::show;
  });
}

// What a server is kept for. On a standby, nothing that is to be written later would succeed.
bool holds_server(const sql::Script& script) {
  using namespace sql::effect;
  return (script.effects & (own_server | loads | seeds | listens | unlistens)) != 0;
}

bool is_command(const sql::Statement& statement) {
  static constexpr Kind kinds[] = {Kind::set,  Kind::discard, Kind::prepare, Kind::deallocate,
                                   Kind::load, Kind::listen,  Kind::unlisten};
  return std::ranges::find(kinds, statement.kind) != std::end(kinds);
}

}  // namespace

bool ends_block(const sql::Script& script) {
  return std::any_of(script.statements.begin(), script.statements.end(), [](const auto& each) {
    return each.kind == Kind::commit || each.kind == Kind::rollback || each.kind == Kind::two_phase;
  });
}

// A batch is run on one node: where its texts ask for this and that, it is what is right for all.
void Client::Survey::take_hint(std::string_view its_text) {
  const sql::Hint its_hint = sql::find_hint(its_text);
  if (!plan) {
    hint = its_hint;
    return;
  }
  if (its_hint.route != hint.route) {
    const bool leads = its_hint.route == "primary" || hint.route == "primary";
    hint.route = leads ? "primary" : "";
  }
  if (its_hint.freshness != hint.freshness) hint.freshness = "strict";
}

void Client::Survey::note_script(const sql::ScriptRef& script, std::string_view its_text) {
  take_hint(its_text);
  if (only == script.get()) return;  // seen just now
  // Another look-up may take away what the one before gave.
  if (plan && plan != &client_->hub.merged_plan) {
    client_->hub.merged_plan = *plan;
    plan = &client_->hub.merged_plan;
  }
  route::Plan& its_plan = client_->hub.guide.plan(script, its_text, *client_->pool);
  note(*script, its_plan.needs);
  if (cuts && plan && ends_block(*script)) return;  // that runs where the block is
  only = plan ? nullptr : script.get();
  text = its_text;
  if (plan) {
    merge(*plan, its_plan);
  } else {
    plan = &its_plan;
  }
  for (const sql::Statement& each : script->statements) {
    for (const std::string& name : each.executes) note_execute(name, *script);
  }
}

// Beside what the plan says.
void Client::Survey::note(const sql::Script& script, const route::Needs& needs) {
  const bool reads = needs.place != route::Place::primary || needs.soft;
  const bool ends_here = ends_block(script);
  plain = plain && is_plain(script);
  sets = sets || sets_locally(script);
  commands = commands || std::ranges::any_of(script.statements, is_command);
  holds = holds || holds_server(script);
  if (!plan) ends_first = ends_here;
  // What follows the end of a block is not in it.
  fails_alike = fails_alike && !ends && (reads || fails_where_read_only(script));
  ends = ends || ends_here;
}

void Client::Survey::note_execute(const std::string& name, const sql::Script& script) {
  const std::string* its_text = client_->executed_text(name, script);
  if (!its_text) return note_unseen();
  note_script(sql::analyse_prepared(*its_text, client_->hub.analysis.host()), *its_text);
}

void Client::Survey::note_unseen() {
  client_->hub.merged_plan = {};
  plan = &client_->hub.merged_plan;
  only = nullptr;
  plain = fails_alike = false;
}

void Client::Survey::note_bind(Bytes body) {
  wire::Fields fields(body);
  const std::string_view portal = fields.string();
  if (!portal.empty()) names_portal = true, plain = false;
  const std::string_view given = fields.string();
  if (!fields.ok()) return note_unseen();
  const auto& parsed = client_->hub.parsed;
  const auto last = std::find_if(parsed.rbegin(), parsed.rend(),
                                 [&](const auto& each) { return each.name == given; });
  if (last != parsed.rend()) return note_bound_end(ending, portal, last->ends_block);
  const ClientStatements& mine = client_->statements_;
  const StatementRef statement = given.empty() ? mine.unnamed() : mine.find(given);
  if (!statement) return note_unseen();
  client_->find_script(*statement);
  note_script(statement->script, statement->text());
  note_bound_end(ending, portal, ends_block(*statement->script));
}

// Behind this message: see cut_behind_block().
bool Client::Survey::is_cut_at(const wire::Header& header, Bytes body, Bytes rest) const {
  if (!cuts || !ending || header.tag != 'E' || (!rest.empty() && rest[0] == 'S')) return false;
  return wire::Fields(body).string() == *ending;
}

void Client::Survey::note_query(Bytes body, bool alone) {
  if (!alone || body.empty()) return note_unseen();
  const std::string_view its_text = as_text(body.first(body.size() - 1));
  note_script(client_->hub.script(its_text), its_text);
}

void Client::Survey::note_parse(Bytes body) {
  wire::Fields fields(body);
  const std::string_view given = fields.string();
  const std::string_view its_text = fields.string();
  if (!fields.ok()) return note_unseen();
  const sql::ScriptRef script = client_->hub.script(its_text);
  note_script(script, its_text);
  client_->hub.parsed.push_back({given, ends_block(*script)});
}

// A message of a batch. False if it is none that a batch may have.
bool Client::Survey::note_message(const wire::Header& header, Bytes body) {
  switch (header.tag) {
    case 'P':
      note_parse(body);
      return true;
    case 'B':
      note_bind(body);
      return true;
    case 'E':
      plain = plain && body.size() == 5 && load_be32(body.data() + 1) == 0;
      return true;
    default:
      return header.tag == 'C' || header.tag == 'D' || header.tag == 'H';
  }
}

// All messages from the one at the beginning of `in` to the end of its batch, or to where that is
// cut.
void Client::Survey::look_ahead(Bytes in) {
  std::size_t seen = 0;
  wire::Header header;
  client_->hub.parsed.clear();
  if (client_->odd_strings()) return note_unseen();
  while (wire::peek(wire::Origin::client, in.subspan(seen), header) == wire::Peek::ok) {
    const Bytes message = in.subspan(seen);
    if (message.size() < header.total()) break;
    const Bytes body = message.subspan(wire::header_size, header.body);
    seen += header.total();
    if (header.tag == 'Q' || header.tag == 'S') {
      bytes = seen;
      return header.tag == 'Q' ? note_query(body, seen == header.total()) : void();
    }
    if (!note_message(header, body)) return note_unseen();
    if (is_cut_at(header, body, in.subspan(seen))) return;
  }
  whole = false;  // the rest is still to come
  if (seen == 0) look_at_first_part(in);
}

// A message that is too large to be here whole. Of a Bind, what it runs stands at its beginning.
void Client::Survey::look_at_first_part(Bytes in) {
  if (in.size() < wire::header_size || in[0] != 'B') return note_unseen();
  note_bind(in.subspan(wire::header_size));
}

}  // namespace heim::session
