// Which node a batch runs on. Decided before it takes a server, of all that the batch does: what is
// not here whole is for the primary.
#include "session/client_survey.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"

namespace heim::session {

namespace {

constexpr std::string_view no_other = "there is no other node";

bool logs(const route::Rules* rules) {
  for (std::size_t i = 0; rules && i < rules->size(); ++i) {
    if (rules->outcome(route::RuleMask{1} << i)->log) return true;
  }
  return false;
}

// And no rule wants to know of what goes there.
bool is_one_node(const Hub& hub) {
  const cluster::Topology& nodes = hub.shared.nodes;
  return nodes.size() == 1 && nodes.role(0) == cluster::Role::primary && !logs(hub.guide.rules());
}

}  // namespace

template <>
void Client::Deleter<Client::Routing>::operator()(Routing* routing) const {
  delete routing;
}

Client::Routing& Client::routing() {
  if (!routing_) routing_.reset(new Routing);
  return *routing_;
}

// Whether its statements are routed one by one.
bool Client::is_routed() const {
  return splits_ && hub.guide.on() && mode != config::PoolMode::session;
}

freshness::SessionMark* Client::commit_mark() {
  if (!routing_) return nullptr;
  routing_->committed = true;
  return &routing_->mark;
}

// `open`: it is for the node it is on, or none.
route::Decision Client::decide(Bytes in, bool open, Survey& survey) {
  survey.look_ahead(in);
  if (!survey.whole && !(open && in_block())) survey.note_unseen();
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
  if (!reads_elsewhere_ || !server->batch_open || refused_) return true;
  if (server->in_failed_transaction() && !routing().ended) return true;
  Survey survey(*this);
  const Bytes message = in.first(std::min(in.size(), header.total()));
  const route::Decision decision = decide(message, true, survey);
  routing().movable = false;
  routing().ended = routing().ended || survey.ends;
  const bool here = !decision.wait && survey.plan->needs.place != route::Place::primary;
  return here || bears_with_it(decision, survey);
}

// The node for the batch at hand, which has no server yet.
void Client::choose_node(Bytes in) {
  // Of one there is nothing to choose, and what the batch does is not looked at for it.
  if (is_one_node(hub)) {
    reads_elsewhere_ = planned_ = in_parts_ = false;
    if (in_held_block()) routing().movable = false;
    route_reason = no_other;
    return hub.guide.note(pool->record.key.node, no_other);
  }
  Survey survey(*this);
  route::Decision decision = decide(in, false, survey);
  if (decision.standby && has_to_lead(survey)) decision = decide_on_primary(in, survey);
  reads_elsewhere_ = planned_ = in_parts_ = false;
  if (!decision.node) return;  // it is held
  move_to(*decision.node);
  if (decision.standby && (hub.is_cut_off(*pool) || hub.is_refused(*pool))) {
    decision = decide_on_primary(in, survey);
    if (decision.node) move_to(*decision.node);
  }
  Routing& mine = routing();
  mine.cuts = false;
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
  survey = Survey(*this);
  return decide(in, false, survey);
}

// What the router does not know of: what has to be with the writes.
bool Client::has_to_lead(const Survey& survey) const {
  const route::Needs& needs = survey.plan->needs;
  if (survey.commands) return true;
  if (in_held_block() && (survey.sets || needs.place == route::Place::any)) return true;
  // A block whose BEGIN has left a portal cannot go elsewhere.
  const bool begins = needs.begins && needs.place == route::Place::control;
  return begins && (survey.names_portal || listens_elsewhere());
}

// The standby that was chosen may have been restarted while the client stood in line for it.
void Client::look_at_node_again() {
  if (!planned_ || !reads_elsewhere_) return;
  const cluster::NodeState& state = hub.shared.nodes.state(pool->record.key.node);
  if (routing().verdict.allows(state.replayed.load(), state.lag_ns.load())) return;
  planned_ = false;
  Routing& mine = routing();
  mine.batches = 0;
  // A BEGIN that is part of the batch is sent with it.
  if (std::exchange(mine.begins_itself, false)) mine.begin.clear(), mine.begun = false;
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
  Routing& mine = routing();
  mine.ended = false;
  mine.cuts = in_block();
  Survey survey(*this);
  survey.cuts = mine.cuts;
  if (mine.ending) survey.ending = *mine.ending;
  const route::Decision decision = decide(in, true, survey);
  in_parts_ = !survey.whole;
  mine.ended = survey.ends;
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
  // It is not left while it is being adapted.
  if (server->owes()) return server->apart = true, wait_for_outcome(), false;
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
