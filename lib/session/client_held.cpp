#include "session/client_held.hpp"

#include <algorithm>

#include "cluster/reducer.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"

namespace heim::session {
namespace {

std::string ms(Duration d) { return std::to_string(to_us(d) / 1000) + " ms"; }

// What is known of the nodes: for who has to find out why nobody is served.
std::string nodes_text(const cluster::Topology& nodes) {
  constexpr std::uint32_t most = 8;
  std::string text;
  for (std::uint32_t i = 0; i < std::min(nodes.size(), most); ++i) {
    text += (i == 0 ? "" : "; ") + nodes.node(i).name + ": " + to_text(nodes.role(i)) + ", " +
            to_text(nodes.state(i).condition.load(std::memory_order_relaxed));
  }
  return text;
}

}  // namespace

std::optional<route::Choice> Client::Held::place_to_wait(const Hub& hub) {
  const std::vector<config::Node>& given = hub.settings().nodes;
  const bool never = std::ranges::all_of(
      given, [](const config::Node& node) { return node.role == config::NodeRole::standby; });
  const cluster::Topology& nodes = hub.shared.nodes;
  for (std::uint32_t i = 0; i < nodes.size() && !never; ++i) {
    if (nodes.role(i) != cluster::Role::removed)
      return route::Choice{i, "there is no primary at the moment"};
  }
  return std::nullopt;
}

bool Client::Held::lacks_role() const {
  if (client_.reads_elsewhere_ || client_.wanted_ != route::Wanted::primary) return false;
  const cluster::Role role = client_.hub.shared.nodes.role(client_.pool->record.key.node);
  return role == cluster::Role::standby || role == cluster::Role::removed;
}

bool Client::Held::lacks_node() const {
  const cluster::Topology& nodes = client_.hub.shared.nodes;
  pool::Record& record = client_.pool->record;
  if (lacks_role()) return true;
  if (nodes.up(record.key.node, client_.hub.now())) return false;
  // A login that failed, as of a server that is full, says nothing of connections that are open.
  const bool serves = nodes.state(record.key.node).condition == cluster::Condition::serving;
  return !serves || !client_.hub.shared.broker.has_open(record);
}

pool::Hold::Limits Client::Held::limits() const {
  const config::Failover& set = client_.hub.settings().failover;
  return {set.hold_max_clients, set.hold_max_bytes};
}

bool Client::Held::looks() {
  if (!client_.held_ && lacks_node()) begin();
  if (!client_.held_) return false;
  client_.held_->in_no_line = lacks_role();
  return client_.held_->in_no_line;
}

void Client::Held::begin() {
  Hub& hub = client_.hub;
  auto place = std::make_unique<pool::HeldPlace>();
  place->since = hub.now();
  place->full = hub.shared.hold.enter(limits());
  client_.held_ = std::move(place);
  // What it has sent is kept when this returns, and only then can it be answered.
  hub.shared.fabric->post(hub.worker, [id = client_.id](Hub& mine) {
    Client* client = mine.find(id);
    if (client && client->held_) Held(*client).settle();
  });
}

void Client::Held::settle() {
  const config::Failover& set = client_.hub.settings().failover;
  switch (client_.held_->full) {
    case pool::Hold::Full::clients:
      return refuse(std::to_string(set.hold_max_clients) +
                    " clients wait for that already (failover.hold_max_clients)");
    case pool::Hold::Full::bytes:
      return refuse(std::to_string(set.hold_max_bytes) +
                    " bytes of what clients sent wait for that already (failover.hold_max_bytes)");
    case pool::Hold::Full::no:
      break;
  }
  if (set.hold_timeout == Duration::zero()) return refuse("nobody is to wait for that");
  count();
}

void Client::Held::count() {
  pool::HeldPlace& place = *client_.held_;
  const std::size_t now = client_.inbox_.size();
  if (place.full != pool::Hold::Full::no || now <= place.bytes) return;
  const bool room = client_.hub.shared.hold.add(limits(), now - std::exchange(place.bytes, now));
  if (room || client_.reading_paused_ || !client_.stream_) return;
  client_.reading_paused_ = true;
  client_.stream_->pause();
}

bool Client::Held::tick(Instant now) {
  const bool stands = is_in_no_line() || client_.in_line();
  if (!stands) return false;
  if (!lacks_node()) {
    // Unless it is watched, it may only not have been tried lately.
    const std::uint32_t node = client_.pool->record.key.node;
    if (!client_.held_ || !client_.hub.shared.nodes.state(node).monitored) return false;
    end();
    client_.since = now;
    return false;
  }
  if (!client_.held_) {
    begin();
    client_.held_->in_no_line = false;
    return true;
  }
  const Duration limit = client_.hub.settings().failover.hold_timeout;
  if (now - client_.held_->since <= limit) return true;
  client_.hub.shared.hold.gave_up();
  refuse("it has waited for " + ms(limit) + " (failover.hold_timeout)");
  return true;
}

void Client::Held::refuse(std::string_view why) {
  const bool writes = !client_.reads_elsewhere_ && client_.wanted_ == route::Wanted::primary;
  const std::string message =
      std::string("no ") + (writes ? "primary" : "node") + " can serve this: " + std::string(why);
  const std::string detail = nodes_text(client_.hub.shared.nodes);
  if (client_.state_ == ClientState::waiting) {
    return client_.refuse({"ERROR", "57P03", message, detail,
                           "SHOW NODES on the console tells more of them. Nothing was run."});
  }
  std::string error;
  wire::error(error, {"FATAL", "57P03", message, detail, "Try again later."});
  client_.fail_raw(std::move(error));
}

void Client::Held::end() {
  const std::unique_ptr<pool::HeldPlace> place = std::move(client_.held_);
  if (place->full != pool::Hold::Full::no) return;
  client_.hub.shared.hold.leave(place->bytes, client_.hub.now() - place->since);
}

}  // namespace heim::session
