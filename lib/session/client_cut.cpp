// A batch of the client's that is two to the server: what follows the cut may be for another one,
// or has to wait.
#include "session/client_routing.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"

namespace heim::session {

// A portal was bound, on a standby.
void Client::note_ending(std::string_view portal, Statement& statement) {
  find_script(statement);
  note_bound_end(routing().ending, portal, ends_block(*statement.script));
}

bool Client::may_cut() const {
  return reads_elsewhere_ && routing_ && routing_->cuts && routing_->ending;
}

// What follows the end of a READ ONLY block is not bound to its standby.
void Client::cut_behind_block(std::string_view portal, Bytes rest) {
  if (may_cut() && routing_->ending == portal) cut_batch(rest);
}

// Behind a statement that ends its transaction, or is one: to the server, Sync is nothing more
// there. `rest`: what the client has sent besides.
void Client::cut_batch(Bytes rest) {
  const bool ends_here = !rest.empty() && rest[0] == 'S';
  if (ends_here || cut_) return;
  server->sync_hidden(hub.to_server);
  server->batch_open = false;
  server->kept.clear();
  server->repeatable.clear();
  cut_ = true;
}

// What comes before the cut is answered. If it failed, what follows is skipped up to Sync.
bool Client::ends_cut(Server& given) {
  if (!std::exchange(cut_, false)) return false;
  if (given.batch_failed) given.skipping = given.batch_open = true;
  return true;
}

}  // namespace heim::session
