// A read that another node can answer as well: where its server is lost, or says that it cannot run
// it, it is run again elsewhere. What the client has seen of an answer has to come again.
//
// That is so outside a transaction block, for a batch that was here whole when it was planned, and
// that changes nothing: route/ said so.
#include <algorithm>

#include "session/client_routing.hpp"
#include "session/client_tracking.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"

namespace heim::session {
namespace {

constexpr std::size_t repeat_limit = 65536;  // bytes of a batch that are kept for it
constexpr std::uint8_t most_tries = 4;

// What the standby cannot do says nothing about the primary.
bool is_of_standbys(const wire::ErrorView& error) {
  if (error.sqlstate == "25006") return true;  // not in a read-only transaction, not in recovery
  if (error.sqlstate == "55000") return error.message.find("recovery") != std::string_view::npos;
  if (error.sqlstate == "0A000") return error.message.find("hot standby") != error.message.npos;
  return error.sqlstate == "40001" || error.sqlstate == "40P01";  // conflict with recovery
}

}  // namespace

// The batch that is sent next.
void Client::keep_for_elsewhere(Bytes batch) {
  server->forget_batch();
  if (!hub.to_client.empty()) deliver(hub.to_client);  // of what came before it
  const bool bound = holds_ != 0 || (server->in_transaction() && !is_movable(true));
  if (server->owes_client() || bound || batch.size() > repeat_limit) return;
  server->repeatable.assign(as_text(batch));
}

bool Client::may_repeat(const Server& on) const {
  return !on.repeatable.empty() && body_left_ == 0 && tries_ < most_tries &&
         state_ == ClientState::linked && stream_;
}

bool Client::runs_elsewhere(const Server& on, const wire::ErrorView& error) {
  if (!reads_elsewhere_ || !may_repeat(on) || !is_of_standbys(error)) return false;
  // Who has seen half of a row gets the rest of it, and the error: another's row may be another.
  return !half_message(on.shown_already).starts_with('D');
}

// Its ReadyForQuery came: it ran nothing.
void Client::on_elsewhere(Server& given) {
  put_back(given);
  only_primary_ = true;
  effects_ = 0;
  release_server();
  again_later();
}

// Between two statements of a block there is nothing to run again.
bool Client::is_between(const Server& on) const {
  return is_movable(false) && (!on.owes() || on.apart) && !on.batch_open && body_left_ == 0 &&
         state_ == ClientState::linked;
}

// What it has sent waits, and the server was asked nothing but what nobody misses.
bool Client::has_not_begun(const Server& on) const {
  return (!on.owes_client() || on.apart) && !on.batch_open && !on.in_transaction() &&
         !state_is_lost() && !delays_ready() && body_left_ == 0 && state_ == ClientState::linked;
}

bool Client::can_go_on(const Server& without) const {
  if (!reads_elsewhere_ || without.in_failed_transaction()) return false;
  if (tracking_ && tracking_->asked) return false;  // it did not say what was done before
  return is_between(without) || has_not_begun(without) || may_repeat(without);
}

// The server is gone. True if the client is served by another.
bool Client::goes_on_elsewhere(Server& lost, bool silent) {
  if (!can_go_on(lost)) return false;
  if (silent) hub.node_failed(*pool);
  // What is kept of one was answered.
  if (is_between(lost) || has_not_begun(lost)) lost.forget_batch();
  lost.take_back_all();
  put_back(lost);
  effects_ = 0;
  apply(ClientEvent::server_lost);
  again_later();
  return true;
}

void Client::put_back(Server& from) {
  ++tries_;
  if (routing_) {
    // A BEGIN that is part of the batch is sent again with it.
    if (routing_->begins_itself && !from.in_transaction()) routing_->begin.clear();
    routing_->begun = false;
    routing_->batches = 0;
  }
  stalled_ = false;
  forget_resets();
  const bool renames = !from.renamed.empty();
  restore_names(from);
  inbox_.insert(0, std::exchange(from.repeatable, {}));
  // What an earlier try has shown, and this one not yet.
  again_.expect_first(std::exchange(from.shown_already, {}), renames);
}

// What names stood for before the batch.
void Client::restore_names(Server& from) {
  for (; !from.renamed.empty(); from.renamed.pop_back()) {
    const auto& [name, before] = from.renamed.back();
    if (before) {
      statements_.set(name, before);
    } else {
      statements_.erase(name);
    }
  }
}

// Before a name of the batch at hand comes to stand for something else.
void Client::keep_name(std::string_view given) {
  if (!server->repeatable.empty()) server->renamed.emplace_back(given, statements_.find(given));
}

// What is shown of the answer is kept: if it is asked for again, it has to begin alike.
void Client::deliver_repeatable(Out& out) {
  std::vector<Bytes> rest;
  std::string error;
  for (Bytes segment : out.segments()) {
    if (server) keep_shown(segment);
    const bool half = again_.is_half(), renames = again_.renames();
    if (!again_.empty() && again_.take(segment) == Repeated::Verdict::otherwise) {
      constexpr std::string_view why =
          "its server could not go on, and another answers otherwise than what was shown already";
      // A block would have to fail there, too.
      if (half || renames || in_block() || !server) {
        out.clear();  // it must not be here any more when the server serves the next
        return half ? leave(why) : fail("40001", why);
      }
      server->forget_batch();
      ++pool->meter->total.error_count;
      wire::error(error, {"ERROR", "40001", why, {}, "Run the statement again."});
      rest.push_back(as_bytes(error));
    }
    if (!segment.empty()) rest.push_back(segment);
  }
  if (!rest.empty()) stream_->write(rest);
  out.clear();
}

void Client::keep_shown(Bytes segment) {
  constexpr std::size_t limit = 512;
  if (server->shown_already.size() + segment.size() > limit) server->repeatable.clear();
  if (!server->repeatable.empty()) server->shown_already.append(as_text(segment));
}

// What is no part of an answer that is kept, or skipped.
void Client::deliver_apart() {
  if (hub.to_client.empty() || !stream_) return hub.to_client.clear();
  pool->meter->total.sent += hub.to_client.size();
  hub.to_client.flush(*stream_);
}

// Not from within what the server does at its end.
void Client::again_later() {
  hub.shared.fabric->post(hub.worker, [session = id](Hub& mine) {
    if (Client* client = mine.find(session)) client->again();
  });
}

void Client::again() {
  if (state_ == ClientState::idle && !inbox_.empty()) process_inbox();
}

}  // namespace heim::session
