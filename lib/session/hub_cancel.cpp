// Cancel requests: from a client's key to the server that runs its statement, on whatever worker
// that is.
#include "crypto/compare.hpp"
#include "session/canceler.hpp"
#include "session/hub.hpp"

namespace heim::session {

void Hub::cancel_requested(std::uint32_t pid, const std::string& secret, Client& requester) {
  const pool::WorkerId asker = worker;
  const pool::SessionId asker_id = requester.id;
  // PostgreSQL says nothing, right or wrong; the end of the connection says that the request has
  // been seen to.
  auto done = [this, asker, asker_id] {
    shared.fabric->post(asker, [asker_id](Hub& hub) { hub.close_requester(asker_id); });
  };
  // A pid of ours tells the worker, one of a server does not: any may have it.
  const std::size_t workers = shared.broker.workers();
  const std::size_t made_by = pid >> 24;
  const auto first = static_cast<pool::WorkerId>(made_by > 0 ? (made_by - 1) % workers : worker);
  if (first == worker) return cancel_here(pid, secret, workers, std::move(done));
  shared.fabric->post(first, [pid, secret, workers, done = std::move(done)](Hub& hub) {
    hub.cancel_here(pid, secret, workers, done);
  });
}

void Hub::cancel_here(std::uint32_t pid, const std::string& secret, std::size_t left,
                      std::function<void()> done) {
  if (Client* owner = owner_of(pid, secret)) return owner->cancel(std::move(done));
  if (left <= 1) return done();
  const auto next = static_cast<pool::WorkerId>((worker + 1) % shared.broker.workers());
  shared.fabric->post(next, [pid, secret, left, done = std::move(done)](Hub& hub) {
    hub.cancel_here(pid, secret, left - 1, done);
  });
}

// Several may have one pid: servers of different nodes. The secret says who is meant, and the time
// this takes says nothing about it.
Client* Hub::owner_of(std::uint32_t pid, std::string_view secret) const {
  Client* owner = nullptr;
  const auto look = [&](Client& client) {
    if (crypto::equal(client.secret, secret) && !secret.empty()) owner = &client;
  };
  const auto made = clients_.find(pid);
  if (made != clients_.end() && made->second->pid == pid) look(*made->second);
  const auto [first, last] = by_server_pid_.equal_range(pid);
  for (auto it = first; it != last; ++it) look(*it->second);
  return owner;
}

void Hub::give_pid(Client& client, std::uint32_t pid) {
  if (pid == 0) return;  // the server told none
  client.pid = pid;
  by_server_pid_.emplace(pid, &client);
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
