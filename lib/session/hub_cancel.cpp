// Cancel requests: from a client's key to the server that runs its statement, on whatever worker
// that is.
#include "crypto/compare.hpp"
#include "session/canceler.hpp"
#include "session/hub.hpp"

namespace heim::session {

void Hub::cancel_requested(std::uint32_t pid, const std::string& secret, Client& requester) {
  const pool::WorkerId home = pid >> 24;
  if (home >= shared.broker.workers()) return requester.leave("a cancel request for no session");
  const pool::WorkerId asker = worker;
  const pool::SessionId asker_id = requester.id;
  // PostgreSQL says nothing, right or wrong; the end of the connection says that the request has
  // been seen to.
  auto done = [this, asker, asker_id] {
    shared.fabric->post(asker, [asker_id](Hub& hub) { hub.close_requester(asker_id); });
  };
  if (home == worker) return cancel_here(pid, secret, std::move(done));
  shared.fabric->post(home, [pid, secret, done = std::move(done)](Hub& hub) {
    hub.cancel_here(pid, secret, done);
  });
}

void Hub::cancel_here(std::uint32_t pid, const std::string& secret, std::function<void()> done) {
  const auto it = clients_.find(pid);
  if (it == clients_.end() || !crypto::equal(it->second->secret, secret)) return done();
  it->second->cancel(std::move(done));
}

void Hub::close_requester(pool::SessionId id) {
  if (Client* client = find(id)) client->leave("its cancel request is done");
}

void Hub::cancel(Server& server, std::function<void()> done) {
  const std::uint64_t server_id = server.id;
  const std::uint64_t id = shared.next_id.fetch_add(1);
  auto canceler = std::make_unique<Canceler>(
      *this, id, server, [this, server_id, done = std::move(done)](bool in_time) {
        cancel_over(server_id, in_time);
        if (done) done();
      });
  server.cancel_started();
  const cluster::Node& node = shared.nodes.node(server.pool->record.key.node);
  Target target;
  target.host = node.host;
  target.port = node.port;
  target.connect_timeout = settings().timeouts.cancel_wait_timeout;
  Canceler& started = *canceler;
  cancelers_[id] = std::move(canceler);
  started.start(target);
}

void Hub::cancel_over(std::uint64_t server_id, bool in_time) {
  const auto it = servers_.find(server_id);
  if (it == servers_.end()) return;
  // A request that may still arrive would hit whoever has the connection then.
  if (!in_time) return it->second->discard("a cancel request got no answer");
  it->second->cancel_finished();
}

void Hub::canceler_done(std::uint64_t id) {
  auto node = cancelers_.extract(id);
  if (node) dead_cancelers_.push_back(std::move(node.mapped()));
  has_dead_ = true;
}

}  // namespace heim::session
