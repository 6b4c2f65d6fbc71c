// A read that another node can answer as well: where its server is lost, or says that it cannot run
// it, and the client has seen nothing of an answer, it is run again elsewhere.
//
// That is so outside a transaction block, for a batch that was here whole when it was planned, and
// that changes nothing: route/ said so.
#include <algorithm>

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
  return error.sqlstate == "40001" || error.sqlstate == "40P01";  // conflict with recovery
}

}  // namespace

// The batch that is sent next.
void Client::keep_for_elsewhere(Bytes batch) {
  shown_ = false;
  server->repeatable.clear();
  server->parsed_names.clear();
  if (server->owes_client() || server->in_transaction() || batch.size() > repeat_limit) return;
  server->repeatable.assign(as_text(batch));
}

bool Client::may_repeat(const Server& on) const {
  return !on.repeatable.empty() && !shown_ && body_left_ == 0 && tries_ < most_tries &&
         state_ == ClientState::linked && stream_;
}

bool Client::runs_elsewhere(const Server& on, const wire::ErrorView& error) {
  return reads_elsewhere_ && may_repeat(on) && is_of_standbys(error);
}

// Its ReadyForQuery came: it ran nothing.
void Client::on_elsewhere(Server& given) {
  put_back(given);
  only_primary_ = true;
  effects_ = 0;
  release_server();
  again_later();
}

// The server is gone. True if the client is served by another.
bool Client::goes_on_elsewhere(Server& lost, bool silent) {
  if (!reads_elsewhere_ || !may_repeat(lost)) return false;
  if (silent) hub.node_failed(*pool);
  lost.take_back_all();
  put_back(lost);
  effects_ = 0;
  apply(ClientEvent::server_lost);
  again_later();
  return true;
}

void Client::put_back(Server& from) {
  ++tries_;
  stalled_ = false;
  for (const std::string& name : from.parsed_names) statements_.erase(name);
  inbox_.insert(0, std::exchange(from.repeatable, {}));
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
