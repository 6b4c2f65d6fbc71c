// What becomes of a server whose session left something behind: it is brought back to a clean state
// with as few statements as that takes, or closed when it cannot be.
#include "session/hub.hpp"
#include "session/pool.hpp"
#include "session/server.hpp"
#include "wire/encoder.hpp"

namespace heim::session {

void Server::start_cleaning() {
  apply(ServerEvent::left_dirty);
  reset_done_ = cancel_sent_ = false;
  sync_failed_ = false;
  if (read_paused) {
    read_paused = false;
    stream->resume();
  }
  Out out;
  resync(out);
  continue_cleaning(out);
  send_cleaning(out);
}

// Ends a COPY and an extended batch, so that every message sent gets its ReadyForQuery.
void Server::resync(Out& out) {
  std::string bytes;
  if (copy_in_) wire::text_message(bytes, 'f', "the client left");
  const bool extended = batch_open || skipping || (copy_in_ && copy_extended_);
  if (extended) {
    wire::message(bytes, 'S', {});
    expect(Reply::sync);
  }
  batch_open = skipping = copy_in_ = false;
  out.copy(bytes);
}

void Server::continue_cleaning() {
  Out out;
  continue_cleaning(out);
  send_cleaning(out);
}

// With nothing to send, the server may be another worker's by now.
void Server::send_cleaning(Out& out) {
  if (!out.empty() && state_ != ServerState::closing) write(out);
}

void Server::continue_cleaning(Out& out) {
  if (uncertain_ || copy_syncs_ > 0) return discard("its client left a COPY that may have failed");
  // A COPY began, or an error that only a Sync ends came, after its client had left.
  if (copy_in_ || skipping) return resync(out);
  if (sync_failed_) return discard("it could not be reset");
  if (!expected_.empty()) return;
  if (body_left_ > 0 || !carry_.empty() || backlog() > 0) return;
  if (tx_ != 'I') {
    if (std::exchange(rolled_back_, true))
      return discard("its transaction could not be rolled back");
    return ask("ROLLBACK", out);
  }
  rolled_back_ = false;
  if (!reset(out)) finish_clean();
}

// Takes from the session what is to be taken. False if there is nothing, or it is done.
bool Server::reset(Out& out) {
  const config::Proxy& proxy = hub->settings().proxy;
  const bool usual = pool->mode == config::PoolMode::session || proxy.server_reset_query_always;
  std::string_view sql = usual && !reset_done_ ? std::string_view(proxy.server_reset_query) : "";
  if (std::exchange(reset_now_, false)) sql = "DISCARD ALL";
  if (sql.empty()) return false;
  reset_done_ = true;
  prepared.clear();
  orphans.clear();
  vars = fold(sql) == "discard all" ? hub->setting_table.empty() : nullptr;
  if (vars) reset_needed_ = set_seen_ = false;
  ask(sql, out);
  return true;
}

void Server::finish_clean() {
  holder_id = 0;
  if (close_when_idle) return discard("it was to be closed when free");
  if (cancels_ > 0) return apply(ServerEvent::held);
  apply(ServerEvent::cleaned);
  pool->give(*this);
}

// What still runs may finish, as it would if the client of a direct connection left. Not for ever,
// though.
void Server::clean_late(Duration limit) {
  const Duration spent = hub->now() - since;
  if (spent > 2 * limit) return discard("what its client left could not be cleaned in time");
  if (spent > limit && !std::exchange(cancel_sent_, true)) hub->cancel(*this, nullptr);
}

void Server::check() {
  apply(ServerEvent::left_dirty);
  checked = hub->now();
  reset_done_ = true;
  Out out;
  ask(hub->settings().proxy.server_check_query, out);
  write(out);
}

}  // namespace heim::session
