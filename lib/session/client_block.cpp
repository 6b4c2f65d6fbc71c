// Transaction blocks that only read: BEGIN is held back until their first statement says which node
// they run on. One that finds itself on a standby that cannot serve it goes on elsewhere, or waits.
//
// now() is the time of the first statement then, not that of BEGIN.
#include "session/client_survey.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"

namespace heim::session {
namespace {

using sql::Kind;

const sql::Statement* only_statement(const sql::Script& script) {
  return script.statements.size() == 1 ? &script.statements[0] : nullptr;
}

std::string_view text_in(Bytes query, const wire::Header& header) {
  return as_text(query.subspan(wire::header_size, header.body - 1));
}

std::string_view tag_of(std::string_view begin) {
  return fold(begin).find("start") == std::string::npos ? "BEGIN" : "START TRANSACTION";
}

}  // namespace

bool Client::in_held_block() const {
  return routing_ && !routing_->begin.empty() && !routing_->begun;
}

// What a ReadyForQuery says while it has no server.
char Client::own_status() const {
  if (!in_held_block()) return 'I';
  return routing_->failed ? 'E' : 'T';
}

// A simple query that is answered here. True if it was.
bool Client::answers_control(Bytes in, const wire::Header& header) {
  if (header.tag != 'Q' || header.body < 2 || in.size() < header.total()) return false;
  const std::string_view text = text_in(in, header);
  // BEGIN, START, COMMIT, END, ROLLBACK, ABORT; most statements begin otherwise.
  constexpr std::string_view first = "bBsScCeErRaA \t\r\n/-";
  if (!in_held_block() && first.find(text[0]) == first.npos) return false;
  const sql::ScriptRef script = hub.script(text);
  const sql::Statement* statement = only_statement(*script);
  if (!statement || (script->effects & sql::effect::transaction) == 0) return false;
  return in_held_block() ? ends_held_block(*statement) : holds_back(*statement, text);
}

bool Client::holds_back(const sql::Statement& statement, std::string_view text) {
  if (statement.kind != Kind::begin || only_primary_) return false;
  const Routing& wished = wishes();
  const bool reads = statement.read_only || (wished.read_only && !statement.read_write);
  if (!reads || statement.serializable || wished.serializable) return false;
  const bool snapshot = statement.repeatable_read || wished.snapshot;
  block_ended();
  Routing& mine = routing();
  mine.begin = text;
  mine.begun = false;
  mine.snapshot_block = snapshot;
  mine.block = snapshot ? Routing::Block::other : Routing::Block::reads;
  answer_control(tag_of(text), 'T');
  return true;
}

bool Client::ends_held_block(const sql::Statement& statement) {
  const bool commit = statement.kind == Kind::commit;
  if ((!commit && statement.kind != Kind::rollback) || statement.chain) return false;
  answer_control(commit && !routing_->failed ? "COMMIT" : "ROLLBACK", 'I');
  block_ended();
  return true;
}

void Client::answer_control(std::string_view tag, char status) {
  statements_.set_unnamed(nullptr);  // as any simple query does
  std::string answer;
  wire::command_complete(answer, tag);
  wire::ready(answer, status);
  hub.to_client.copy(answer);
}

// A batch that is BEGIN alone is sent as it is: what it says is known for another node.
void Client::begins_on_standby(const Survey& survey) {
  const sql::Statement* statement = survey.only ? only_statement(*survey.only) : nullptr;
  if (!statement || statement->kind != Kind::begin || in_held_block()) return;
  block_ended();
  Routing& mine = routing();
  mine.begin = survey.text;
  mine.begun = mine.begins_itself = true;
  mine.snapshot_block = statement->repeatable_read || mine.snapshot;
}

// Whether the block on a standby can be begun anew elsewhere, and nobody could tell; `again`: with
// its last batch.
bool Client::is_movable(bool again) const {
  if (!routing_ || routing_->begin.empty() || !routing_->movable || holds_ != 0) return false;
  const std::uint32_t seen = routing_->batches - (again && routing_->batches > 0 ? 1 : 0);
  return !routing_->snapshot_block || seen == 0;
}

// In front of the block's first statement.
void Client::send_held_begin() {
  if (!in_held_block()) return;
  routing_->begun = true;
  routing_->begins_itself = false;
  begins_ = true;
  server->ask(routing_->begin, hub.to_server);
  // A block that had failed on its standby has to fail here, too: its COMMIT is a ROLLBACK.
  if (std::exchange(routing_->failed, false)) {
    server->ask("ROLLBACK TO SAVEPOINT heim_failed", hub.to_server, Reply::query_lenient);
  }
}

// The transaction is over.
void Client::block_ended() {
  if (!routing_) return;
  routing_->begin.clear();
  routing_->movable = true;
  routing_->failed = routing_->ended = routing_->keeps = routing_->begins_itself = false;
  routing_->snapshot_block = false;
  routing_->ending = std::nullopt;
  routing_->block = Routing::Block::none;
  routing_->portal_open = false;
  routing_->batches = 0;
  routing_->waits_since = {};
}

// Its standby cannot serve the statement that comes next. False if it has to wait.
bool Client::leave_standby(const route::Decision& decision, const Survey& survey) {
  Routing& mine = routing();
  if (is_movable(false)) {
    // Nothing it did so far can be told from the same on the primary.
    if (!hub.to_client.empty()) deliver(hub.to_client);
    release_server();
    mine.begun = false;
    mine.batches = 0;
    only_primary_ = true;
    return true;
  }
  return bears_with_it(decision, survey);
}

// The batch ends the block, and goes on with what is not for a standby: it ends another one then,
// on the primary, in which nothing was done either.
bool Client::ends_elsewhere() {
  if (!hub.to_client.empty()) deliver(hub.to_client);
  Routing& mine = routing();
  mine.failed = server->in_failed_transaction();
  release_server();
  if (mine.begin.empty()) mine.begin = "BEGIN READ ONLY";
  mine.begun = false;
  mine.batches = 0;
  only_primary_ = true;
  return true;
}

// False if it has to wait: for its standby to replay, or for the catalog to be known.
bool Client::bears_with_it(const route::Decision& decision, const Survey& survey) {
  Routing& mine = routing();
  if (!decision.wait && survey.fails_alike) {
    mine.waits_since = {};
    return true;
  }
  if (decision.wait || !pool->catalog) {
    if (mine.waits_since == Instant{}) mine.waits_since = hub.now();
    if (hub.now() - mine.waits_since <= hub.settings().routing.freshness_wait) {
      return look_again_later(), false;
    }
  }
  mine.waits_since = {};
  if (decision.wait) {
    refuse_here("40001", not_replayed);
  } else {
    refuse_here("25006", std::string(stays_on_standby) + survey.plan_reason());
  }
  return true;
}

// What comes next fails, as the server itself would say it.
void Client::refuse_here(std::string_view sqlstate, std::string_view message) {
  refused_ = true;
  poison(sqlstate, std::string(message));
}

void Client::look_again_later() {
  wait_for_outcome();
  hub.at_tick([session = id](Hub& mine) {
    if (Client* client = mine.find(session)) client->on_batch_end();
  });
}

}  // namespace heim::session
