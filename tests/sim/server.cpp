#include "server.hpp"

namespace heim::sim {

Server::Server(Network& network, Database& database, Random random, ServerSettings settings)
    : network_(network), database_(database), random_(random), settings_(std::move(settings)) {
  network_.host(settings_.host).set_serves_tls(settings_.tls);
  network_.listen(settings_.host, settings_.port, *this);
}

void Server::on_accept(Endpoint& stream) {
  // Ids are process ids too, and differ between the servers of a world.
  const std::uint64_t base = mix(0, settings_.host) % 900 * 100000;
  backends_.push_back(std::make_unique<Backend>(*this, stream, base + backends_.size() + 1));
  stream.set_handler(*backends_.back());
}

std::size_t Server::live() const {
  std::size_t count = 0;
  for (const auto& backend : backends_) count += backend->in_session();
  return count;
}

void Server::on_cancel_request(std::uint32_t pid, const std::string& secret, Endpoint& stream) {
  Duration delay = random_.between(Duration(0), milliseconds(1));
  if (random_.chance(20)) delay = random_.between(Duration(0), settings_.cancel_delay_max);
  scheduler().after(delay, "cancel", pid, [this, pid, secret, &stream] {
    if (frozen_) return on_cancel_request(pid, secret, stream);
    for (const auto& backend : backends_) {
      if (backend->in_session() && backend->pid() == pid && backend->secret() == secret)
        backend->cancel();
    }
    if (!stream.closed()) stream.close(seconds(1));
  });
}

void Server::freeze() {
  frozen_ = true;
  scheduler().trace(settings_.host, "freezes");
  network_.freeze(settings_.host, true);
}

void Server::thaw() {
  if (!frozen_) return;
  frozen_ = false;
  scheduler().trace(settings_.host, "thaws");
  network_.freeze(settings_.host, false);
  for (std::size_t i = 0; i < backends_.size(); ++i) backends_[i]->thaw();
}

void Server::set_synchronized(std::uint64_t lsn) {
  synchronized_ = lsn;
  for (std::size_t i = 0; i < backends_.size(); ++i) backends_[i]->release();
}

void Server::set_in_recovery(bool on) {
  database_.set_in_recovery(on);
  for (const auto& backend : backends_) backend->set_in_recovery(on);
}

void Server::crash() {
  thaw();
  up_ = false;
  scheduler().note("crash", mix(0, settings_.host));
  scheduler().trace(settings_.host, "crashes");
  network_.set_door(settings_.host, settings_.port, Door::refuse);
  for (const auto& backend : backends_) backend->crash();
}

void Server::shut_down() {
  thaw();
  up_ = false;
  scheduler().trace(settings_.host, "shuts down");
  network_.set_door(settings_.host, settings_.port, Door::refuse);
  for (const auto& backend : backends_) {
    backend->terminate("57P01", "terminating connection due to administrator command");
  }
}

void Server::start() {
  up_ = true;
  scheduler().trace(settings_.host, "starts");
  network_.set_door(settings_.host, settings_.port, Door::open);
}

void Server::terminate_one() {
  std::vector<Backend*> live;
  for (const auto& backend : backends_) {
    if (backend->in_session()) live.push_back(backend.get());
  }
  if (live.empty()) return;
  live[random_.below(live.size())]->terminate(
      "57P01", "terminating connection due to administrator command");
}

void Server::notify_all(const std::string& name, const std::string& channel,
                        const std::string& payload) {
  database().judge().notified(name, channel, payload);
  for (const auto& backend : backends_) {
    if (backend->database() == name) backend->notify(channel, payload);
  }
}

}  // namespace heim::sim
