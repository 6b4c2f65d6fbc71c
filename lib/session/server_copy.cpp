// COPY, as far as it bends the order of a server's answers: a server swallows the Syncs among the
// data, unless the COPY failed before it came to them.
#include "session/hub.hpp"
#include "session/server.hpp"

namespace heim::session {

bool Server::on_copy(std::uint8_t tag) {
  if (expected_.empty()) return violate("a COPY nobody asked for");
  const Reply front = expected_.front().reply;
  if (front != Reply::query && front != Reply::execute) return violate("a COPY");
  if (tag == 'H') return true;
  copy_in_ = true;
  copy_extended_ = front == Reply::execute;
  // A Sync that was sent before the server said it wants data is swallowed by the COPY.
  bool reopened = false;
  while (expected_.size() > 1 && expected_.at(1).reply == Reply::sync) {
    expected_.remove(1);
    ++copy_syncs_;
    reopened = copy_extended_;
  }
  for (std::size_t i = 1; i < expected_.size(); ++i) reopened &= !is_sync(expected_.at(i).reply);
  batch_open |= reopened;
  return true;
}

// An answer of another kind stands behind those to the Syncs among the data of a COPY.
void Server::see_end_of_copy(std::uint8_t tag) {
  if (tag == 'Z' || tag == 'S' || tag == 'N' || tag == 'A') return;
  settle_copy();
  emit_made(hub->to_client);
}

// Whether what the server answers behind what is made here is another kind of answer.
bool Server::tells_end_of_copy() const {
  std::size_t at = 0;
  while (at < expected_.size() && is_made(expected_.at(at).reply)) ++at;
  return at < expected_.size() && !ends_at_ready(expected_.at(at).reply);
}

// A COPY is over, and with it what was unknown.
void Server::settle_copy() {
  copy_in_ = uncertain_ = false;
  copy_syncs_ = 0;
}

// A COPY failed before it came to a Sync among its data: this is the answer to that one.
bool Server::on_uncertain_ready(char status) {
  uncertain_ = --copy_syncs_ > 0;
  skipping = false;
  made_after_ = true;
  if (expected_.empty()) batch_open = false;
  set_status(status);
  ready_seen_ = true;
  return true;
}

}  // namespace heim::session
