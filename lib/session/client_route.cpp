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

bool ends_block(const sql::Script& script) {
  return std::any_of(script.statements.begin(), script.statements.end(), [](const auto& each) {
    return each.kind == Kind::commit || each.kind == Kind::rollback || each.kind == Kind::two_phase;
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

// A batch is run on one node: where its texts ask for this and that, it is what is right for all.
void Client::take_hint_of(std::string_view text, Survey& survey) {
  const sql::Hint hint = sql::find_hint(text);
  if (!survey.plan) {
    survey.hint = hint;
    return;
  }
  if (hint.route != survey.hint.route) {
    const bool leads = hint.route == "primary" || survey.hint.route == "primary";
    survey.hint.route = leads ? "primary" : "";
  }
  if (hint.freshness != survey.hint.freshness) survey.hint.freshness = "strict";
}

void Client::survey_script(const sql::ScriptRef& script, std::string_view text, Survey& survey) {
  take_hint_of(text, survey);
  if (survey.only == script.get()) return;  // seen just now
  // Another look-up may take away what the one before gave.
  if (survey.plan && survey.plan != &hub.merged_plan) hub.merged_plan = *survey.plan;
  route::Plan& plan = hub.guide.plan(script, text, *pool);
  survey.note(*script, plan.needs);
  survey.only = survey.plan ? nullptr : script.get();
  survey.text = text;
  if (survey.plan) merge(hub.merged_plan, plan);
  survey.plan = survey.plan ? &hub.merged_plan : &plan;
  for (const sql::Statement& each : script->statements) {
    for (const std::string& name : each.executes) survey_execute(name, *script, survey);
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

void Client::survey_execute(const std::string& name, const sql::Script& script, Survey& survey) {
  const std::string* text = executed_text(name, script);
  if (!text) return survey_unseen(survey);
  survey_script(sql::analyse_prepared(*text), *text, survey);
}

void Client::survey_unseen(Survey& survey) {
  hub.merged_plan = {};
  survey.plan = &hub.merged_plan;
  survey.only = nullptr;
  survey.plain = survey.fails_alike = false;
}

void Client::survey_bind(Bytes body, Survey& survey) {
  wire::Fields fields(body);
  if (!fields.string().empty()) survey.portal = true, survey.plain = false;
  const std::string_view given = fields.string();
  if (!fields.ok()) return survey_unseen(survey);
  const auto& parsed = hub.parsed_names;
  if (std::find(parsed.begin(), parsed.end(), given) != parsed.end()) return;
  const StatementRef statement = given.empty() ? statements_.unnamed() : statements_.find(given);
  if (!statement) return survey_unseen(survey);
  find_script(*statement);
  survey_script(statement->script, statement->text(), survey);
}

void Client::survey_parse(Bytes body, Survey& survey) {
  wire::Fields fields(body);
  const std::string_view given = fields.string();
  const std::string_view text = fields.string();
  if (!fields.ok()) return survey_unseen(survey);
  survey_text(text, survey);
  hub.parsed_names.push_back(given);
}

// A message of a batch. False if it is none that a batch may have.
bool Client::survey_message(const wire::Header& header, Bytes body, Survey& survey) {
  switch (header.tag) {
    case 'P':
      survey_parse(body, survey);
      return true;
    case 'B':
      survey_bind(body, survey);
      return true;
    case 'E':
      survey.plain = survey.plain && body.size() == 5 && load_be32(body.data() + 1) == 0;
      return true;
    default:
      return header.tag == 'C' || header.tag == 'D' || header.tag == 'H';
  }
}

// All messages from the one at the beginning of `in` to the end of its batch.
void Client::look_ahead(Bytes in, Survey& survey) {
  std::size_t seen = 0;
  wire::Header header;
  hub.parsed_names.clear();
  if (odd_strings()) return survey_unseen(survey);
  while (wire::peek(wire::Origin::client, in.subspan(seen), header) == wire::Peek::ok) {
    const Bytes message = in.subspan(seen);
    if (message.size() < header.total()) break;
    const Bytes body = message.subspan(wire::header_size, header.body);
    const bool first = seen == 0;
    seen += header.total();
    if (header.tag == 'Q' || header.tag == 'S') survey.bytes = seen;
    if (header.tag == 'S') return;
    if (header.tag == 'Q') {
      if (!first || body.empty()) return survey_unseen(survey);
      return survey_text(as_text(body.first(body.size() - 1)), survey);
    }
    if (!survey_message(header, body, survey)) return survey_unseen(survey);
  }
  survey.whole = false;  // the rest is still to come
  if (seen == 0) look_at_first_part(in, survey);
}

// A message that is too large to be here whole. Of a Bind, what it runs stands at its beginning.
void Client::look_at_first_part(Bytes in, Survey& survey) {
  if (in.size() < wire::header_size || in[0] != 'B') return survey_unseen(survey);
  survey_bind(in.subspan(wire::header_size), survey);
}

// ---- the decision --------------------------------------------------------------------

// `open`: it is for the node it is on, or none.
route::Decision Client::decide(Bytes in, bool open, Survey& survey) {
  look_ahead(in, survey);
  if (!survey.whole && !(open && in_block())) survey_unseen(survey);
  if (!survey.plan) {  // nothing of it says anything
    hub.merged_plan = {};
    hub.merged_plan.needs.place = route::Place::any;
    survey.plan = &hub.merged_plan;
  }
  const Routing& mine = wishes();
  hub.shared.ledger.settle(routing().mark);
  const bool held = !mine.begin.empty() && !mine.ended;
  route::Ask ask{.plan = *survey.plan,
                 .policy = pool->policy,
                 .wish = config::view(mine.wish),
                 .freshness = mine.freshness,
                 .user_wish = config::view(pool->wish),
                 .transaction = {.open = open,
                                 .node = pool->record.key.node,
                                 .read_only = held || open || mine.read_only,
                                 .serializable = mine.serializable,
                                 .snapshot = held ? mine.snapshot_block : !open && mine.snapshot},
                 .mark = &mine.mark,
                 .group = mine.group,
                 .min_lsn = mine.min_lsn,
                 .rules = hub.guide.rules(),
                 .session_rules = session_rules(),
                 .begins_block = held && mine.batches == 0};
  take_hint(survey, ask);
  if (only_primary_) ask.wish = {config::Wish::Kind::primary, {}};
  return hub.guide.decide(ask, hub.now());
}

// On a standby, in a transaction block.
bool Client::in_block() const {
  return server && (server->in_transaction() || (routing_ && !routing_->begin.empty()));
}

// A message of a batch that came in parts. What its standby cannot do is refused: too late to go
// elsewhere. False if it has to wait.
bool Client::look_at_part(Bytes in, const wire::Header& header) {
  if (server->in_failed_transaction() && !routing().ended) return true;
  Survey survey;
  const Bytes message = in.first(std::min(in.size(), header.total()));
  const route::Decision decision = decide(message, true, survey);
  routing().movable = false;
  routing().ended = routing().ended || survey.ends;
  const bool here = !decision.wait && survey.plan->needs.place != route::Place::primary;
  return here || bears_with_it(decision, survey);
}

// The node for the batch at hand, which has no server yet.
void Client::choose_node(Bytes in) {
  Survey survey;
  route::Decision decision = decide(in, false, survey);
  if (decision.standby && has_to_lead(survey)) decision = decide_on_primary(in, survey);
  reads_elsewhere_ = planned_ = in_parts_ = false;
  if (!decision.node) return no_node();
  move_to(*decision.node);
  if (decision.standby && (hub.is_cut_off(*pool) || hub.is_refused(*pool))) {
    decision = decide_on_primary(in, survey);
    if (decision.node) move_to(*decision.node);
  }
  Routing& mine = routing();
  if (in_held_block()) {
    mine.movable = survey.plain;
    mine.batches = 1;
  } else if (decision.standby) {
    begins_on_standby(survey);
  }
  mine.verdict = decision.verdict;
  reads_elsewhere_ = planned_ = decision.standby;
  batch_bytes_ = static_cast<std::uint32_t>(survey.bytes);
  route_reason = decision.reason;
  note_decision(survey, decision);
}

route::Decision Client::decide_on_primary(Bytes in, Survey& survey) {
  only_primary_ = true;
  survey = {};
  return decide(in, false, survey);
}

// What the router does not know of: what has to be with the writes.
bool Client::has_to_lead(const Survey& survey) const {
  const route::Needs& needs = survey.plan->needs;
  if (survey.commands) return true;
  if (in_held_block() && (survey.sets || needs.place == route::Place::any)) return true;
  // A block whose BEGIN has left a portal cannot go elsewhere.
  const bool begins = needs.begins && needs.place == route::Place::control;
  return begins && (survey.portal || listens_elsewhere());
}

// The standby that was chosen may have been restarted while the client stood in line for it.
void Client::look_at_node_again() {
  if (!planned_ || !reads_elsewhere_) return;
  const cluster::NodeState& state = hub.shared.nodes.state(pool->record.key.node);
  if (routing().verdict.allows(state.replayed.load(), state.lag_ns.load())) return;
  planned_ = false;
  routing().batches = 0;
}

// Nobody is the primary. Where the client was last, what it wants now cannot be had.
void Client::no_node() {
  if (hub.shared.nodes.role(pool->record.key.node) != cluster::Role::standby) return;
  fail("57P03", "no node of the cluster can serve this at the moment",
       "SHOW NODES on the console tells what is known of them.");
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
  // One batch after the other: each can be run elsewhere while nothing of it was shown.
  if (server->owes_client()) return wait_for_outcome(), false;
  routing().ended = false;
  Survey survey;
  const route::Decision decision = decide(in, true, survey);
  in_parts_ = !survey.whole;
  routing().ended = survey.ends;
  if (server->in_failed_transaction() && !survey.ends_first) return true;
  if (decision.wait || !fits_here(survey)) return moves_on(survey, decision);
  stay_for(survey, decision);
  return true;
}

// Its standby will not do. False if it has to wait.
bool Client::moves_on(const Survey& survey, const route::Decision& decision) {
  if (!hub.to_client.empty()) deliver(hub.to_client);
  // What it has there, no other server has: it is as the server says.
  if (holds_ != 0 && !decision.wait) return true;
  if (!in_block() && holds_ == 0) {
    try_release();
    return server == nullptr || (wait_for_outcome(), false);
  }
  if (survey.ends_first && holds_ == 0 && !routing().keeps) return ends_elsewhere();
  return leave_standby(decision, survey);
}

// Whether its standby can run it. Outside of a block, each batch is on its own.
bool Client::fits_here(const Survey& survey) const {
  const route::Place place = survey.plan->needs.place;
  if (!in_block()) return place == route::Place::standby && !survey.commands;
  // SET TRANSACTION, perhaps: what the block is, is decided by it.
  const bool moves = survey.sets && is_movable(false);
  return place != route::Place::primary && !survey.plan->needs.begins && !survey.holds && !moves;
}

void Client::stay_for(const Survey& survey, const route::Decision& decision) {
  Routing& mine = routing();
  mine.waits_since = {};
  mine.movable = mine.movable && survey.plain;
  mine.keeps = mine.keeps || survey.commands;
  ++mine.batches;
  batch_bytes_ = static_cast<std::uint32_t>(survey.bytes);
  planned_ = true;
  note_decision(survey, decision);
}

void Client::note_decision(const Survey& survey, const route::Decision& decision) {
  hub.guide.note(pool->record.key.node, decision.reason);
  if (!decision.rule || !decision.rule->log || !hub.logs(LogLevel::info)) return;
  constexpr std::size_t longest = 500;
  hub.log(LogLevel::info, "client " + database_name + "/" + user + ", rule " + decision.rule->name +
                              ": " + hub.shared.nodes.node(pool->record.key.node).name + " (" +
                              std::string(decision.reason) + ") gets " +
                              std::string(survey.text.substr(0, longest)));
}

}  // namespace heim::session
