#include "network.hpp"

#include "endpoint.hpp"

namespace heim::sim {

Network::Network(Scheduler& scheduler, Judge& judge, Random random, const Quality& quality)
    : scheduler_(scheduler), judge_(judge), random_(random), quality_(quality) {}

Network::~Network() = default;

Host& Network::host(const std::string& name) {
  auto& slot = hosts_[name];
  if (!slot) slot = std::make_unique<Host>(*this, name);
  return *slot;
}

void Network::listen(const std::string& host, std::uint16_t port, Listener& listener) {
  addresses_[host + ":" + std::to_string(port)].listener = &listener;
}

void Network::set_door(const std::string& host, std::uint16_t port, Door door) {
  addresses_[host + ":" + std::to_string(port)].door = door;
}

void Network::partition(const std::string& name, bool on) {
  host(name).partitioned_ = on;
  scheduler_.note("partition", mix(0, name), on);
  if (on) return;
  for (const auto& end : endpoints_) end->kick();
}

void Network::freeze(const std::string& name, bool on) {
  host(name).frozen_ = on;
  scheduler_.note("freeze", mix(0, name), on);
  if (on) return;
  for (const auto& end : endpoints_) end->kick();
}

void Network::reset_between(const std::string& name, const std::string& other) {
  for (const auto& end : endpoints_) {
    if (!end->closed_ && end->host_->name() == name && end->peer_ &&
        end->peer_->host_->name() == other) {
      end->reset();
    }
  }
}

void Network::reset_all(const std::string& name) {
  for (const auto& end : endpoints_) {
    if (end->host_->name() == name && !end->closed_) end->reset();
  }
}

std::size_t Network::open_count() const {
  std::size_t count = 0;
  for (const auto& end : endpoints_) count += !end->closed();
  return count;
}

Endpoint& Network::make(Host& host, const std::string& peer_name) {
  const std::uint64_t id = endpoints_.size() + 1;
  endpoints_.push_back(std::make_unique<Endpoint>(
      *this, host, id, host.name() + ":" + std::to_string(10000 + id), peer_name));
  return *endpoints_.back();
}

Endpoint* Network::connect(Host& from, const Target& target, StreamHandler& handler) {
  const std::string address = target.host + ":" + std::to_string(target.port);
  Endpoint& end = make(from, address);
  end.handler_ = &handler;
  end.connecting_ = true;
  const Duration latency = random_.between(quality_.latency_min, quality_.latency_max);
  scheduler_.after(
      latency, "connect", end.id(),
      [this, &end, address, timeout = target.connect_timeout] { arrive(end, address, timeout); });
  return &end;
}

void Network::arrive(Endpoint& end, const std::string& address, Duration timeout) {
  if (end.closed_) return;
  const auto found = addresses_.find(address);
  const std::string to = address.substr(0, address.find(':'));
  const bool lost = end.host_->partitioned() || host(to).partitioned() ||
                    (found != addresses_.end() && found->second.door == Door::black_hole);
  if (lost) {
    scheduler_.after(timeout, "timeout", end.id(), [&end] {
      if (!end.closed_) end.fail("connection timed out");
    });
    return;
  }
  if (found == addresses_.end() || !found->second.listener || found->second.door == Door::refuse) {
    return end.fail("connection refused");
  }
  Endpoint& far = make(host(to), end.local_name());
  far.peer_ = &end;
  end.peer_ = &far;
  found->second.listener->on_accept(far);
  const Duration latency = random_.between(quality_.latency_min, quality_.latency_max);
  scheduler_.after(latency, "connected", end.id(), [&end] { end.connected(); });
}

Stream* Host::connect(const Target& target, StreamHandler& handler) {
  return connect_endpoint(target, handler);
}

Endpoint* Host::connect_endpoint(const Target& target, StreamHandler& handler) {
  return network_.connect(*this, target, handler);
}

void Host::adopt(Stream& stream, StreamHandler& handler) {
  auto& end = static_cast<Endpoint&>(stream);
  if (!end.detached_) return network_.judge().fail("adopt() of a stream that was not detached");
  end.detached_ = false;
  end.host_ = this;
  end.handler_ = &handler;
  end.kick();
}

}  // namespace heim::sim
