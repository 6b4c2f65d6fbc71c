// Which node a batch runs on. Decided before it takes a server, of all that the batch does: what is
// not here whole is for the primary.
#include <algorithm>

#include "session/client_routing.hpp"
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

std::string_view text_of(const Statement& statement) {
  const std::string_view content = statement.content;
  return content.substr(0, content.find('\0'));
}

}  // namespace

void Client::RoutingDeleter::operator()(Routing* routing) const { delete routing; }

Client::Routing& Client::routing() {
  if (!routing_) routing_.reset(new Routing);
  return *routing_;
}

// Whether its statements are routed one by one.
bool Client::is_routed() const {
  return splits_ && hub.guide.on() && mode != config::PoolMode::session;
}

freshness::SessionMark* Client::commit_mark() { return routing_ ? &routing_->mark : nullptr; }

// ---- what the batch does ----------------------------------------------------------

void Client::survey_text(std::string_view text, Survey& survey) {
  const sql::ScriptRef script = hub.script(text);
  survey_script(script, text, survey);
}

void Client::survey_script(const sql::ScriptRef& script, std::string_view text, Survey& survey) {
  survey.plain = survey.plain && is_plain(*script);
  if (survey.hint.route.empty()) survey.hint = sql::find_hint(text);
  if (!survey.plan) {
    survey.plan = &hub.guide.plan(script, text, *pool);
    survey.only = script.get();
  } else if (survey.only != script.get()) {
    // Another look-up may take away what the one before gave.
    if (survey.plan != &hub.merged_plan) hub.merged_plan = *survey.plan;
    merge(hub.merged_plan, hub.guide.plan(script, text, *pool));
    survey.plan = &hub.merged_plan;
    survey.only = nullptr;
  }
  for (const sql::Statement& each : script->statements) {
    for (const std::string& name : each.executes) survey_execute(name, survey);
  }
}

void Client::survey_execute(const std::string& name, Survey& survey) {
  const std::string* text = vars->find(statement_item(name));
  if (!text) return survey_unseen(survey);
  survey_script(sql::analyse_prepared(*text), *text, survey);
}

void Client::survey_unseen(Survey& survey) {
  hub.merged_plan = {};
  survey.plan = &hub.merged_plan;
  survey.only = nullptr;
  survey.plain = false;
}

void Client::survey_bind(Bytes body, Survey& survey) {
  wire::Fields fields(body);
  fields.string();
  const std::string_view given = fields.string();
  if (!fields.ok()) return survey_unseen(survey);
  const auto& parsed = hub.parsed_names;
  if (std::find(parsed.begin(), parsed.end(), given) != parsed.end()) return;
  const StatementRef statement = given.empty() ? statements_.unnamed() : statements_.find(given);
  if (!statement) return survey_unseen(survey);
  find_script(*statement);
  survey_script(statement->script, text_of(*statement), survey);
}

void Client::survey_parse(Bytes body, Survey& survey) {
  wire::Fields fields(body);
  const std::string_view given = fields.string();
  const std::string_view text = fields.string();
  if (!fields.ok()) return survey_unseen(survey);
  survey_text(text, survey);
  hub.parsed_names.push_back(given);
}

// All messages from the one at the beginning of `in` to the end of its batch.
void Client::look_ahead(Bytes in, Survey& survey) {
  std::size_t seen = 0;
  wire::Header header;
  hub.parsed_names.clear();
  if (odd_strings_) return survey_unseen(survey);
  while (wire::peek(wire::Origin::client, in.subspan(seen), header) == wire::Peek::ok) {
    const Bytes message = in.subspan(seen);
    if (message.size() < header.total()) break;
    const Bytes body = message.subspan(wire::header_size, header.body);
    switch (header.tag) {
      case 'Q':
        if (seen > 0 || body.empty()) return survey_unseen(survey);
        survey.bytes = header.total();
        return survey_text(as_text(body.first(body.size() - 1)), survey);
      case 'P':
        survey_parse(body, survey);
        break;
      case 'B':
        survey_bind(body, survey);
        break;
      case 'D':
      case 'E':
      case 'C':
      case 'H':
        break;
      case 'S':
        survey.bytes = seen + header.total();
        return;
      default:
        return survey_unseen(survey);
    }
    seen += header.total();
  }
  survey_unseen(survey);  // the rest is still to come
}

// ---- the decision --------------------------------------------------------------------

// `open`: it is for the node it is on, or none.
route::Decision Client::decide(Bytes in, bool open, Survey& survey) {
  look_ahead(in, survey);
  const Routing& mine = wishes();
  hub.shared.ledger.settle(routing().mark);
  const bool held = !mine.begin.empty();
  route::Ask ask{.plan = *survey.plan,
                 .policy = pool->policy,
                 .wish = config::view(mine.wish),
                 .freshness = mine.freshness,
                 .user_wish = config::view(pool->wish),
                 .transaction = {.open = open,
                                 .node = pool->record.key.node,
                                 .read_only = held || open || mine.read_only,
                                 .serializable = mine.serializable,
                                 .snapshot = held ? mine.snapshot_block : mine.snapshot},
                 .mark = &mine.mark,
                 .group = mine.group,
                 .min_lsn = mine.min_lsn,
                 .rules = hub.guide.rules(),
                 .session_rules = session_rules(),
                 .begins_block = held && !mine.begun};
  take_hint(survey, ask);
  if (only_primary_) ask.wish = {config::Wish::Kind::primary, {}};
  return hub.guide.decide(ask, hub.now());
}

// The node for the batch at hand, which has no server yet.
void Client::choose_node(Bytes in) {
  Survey survey;
  route::Decision decision = decide(in, false, survey);
  if (!decision.node) return;
  move_to(*decision.node);
  if (decision.standby && hub.is_cut_off(*pool)) {  // only a login could open a connection there
    only_primary_ = true;
    survey = {};
    decision = decide(in, false, survey);
    if (decision.node) move_to(*decision.node);
  }
  if (in_held_block()) routing().movable = survey.plain;
  reads_elsewhere_ = planned_ = decision.standby;
  batch_bytes_ = static_cast<std::uint32_t>(survey.bytes);
  route_reason = decision.reason;
  hub.guide.note(pool->record.key.node, decision.reason);
}

void Client::move_to(std::uint32_t node) {
  if (node == pool->record.key.node) return;
  Pool* next = hub.pool_for(hub.database(database_name), pool->record.key.user, node);
  --pool->clients;
  pool = next;
  ++pool->clients;
}

// A batch or query begins while the client has a server. False if it has to wait.
bool Client::may_stay(Bytes in) {
  if (!reads_elsewhere_) return true;
  const bool block = server->in_transaction() || !routing().begin.empty();
  Survey survey;
  const route::Decision decision = decide(in, true, survey);
  // Within a block, what only a standby cannot do is to be done elsewhere; outside, each batch is
  // on its own.
  const route::Place place = survey.plan->needs.place;
  const bool reads = place == route::Place::standby;
  const bool here = !decision.wait && (block ? place != route::Place::primary : reads);
  if (here) {
    routing().movable = routing().movable && survey.plain;
    batch_bytes_ = static_cast<std::uint32_t>(survey.bytes);
    planned_ = true;
    hub.guide.note(pool->record.key.node, decision.reason);
    return true;
  }
  if (server->owes() || server->adapts()) return wait_for_outcome(), false;
  if (!block) {
    try_release();
    return server == nullptr || (wait_for_outcome(), false);
  }
  return leave_standby(decision);
}

}  // namespace heim::session
