#include "session/listener.hpp"

#include <charconv>
#include <utility>

#include "crypto/hash.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"
#include "session/settings.hpp"
#include "wire/framer.hpp"

namespace heim::session {
namespace {

constexpr Duration retry_pause = std::chrono::milliseconds(500);
constexpr Duration unused_limit = std::chrono::minutes(1);

// Nobody shall guess it: who notifies on it moves channels.
std::string fence_name(Hub& hub) { return "heimproxy_" + crypto::hex(hub.random.bytes(16)); }

bool next_number(std::string_view& text, std::uint64_t& number) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
  if (!text.empty()) text.remove_prefix(1);
  return true;
}

std::string for_each(std::string_view verb, const std::vector<std::string>& channels) {
  std::string sql;
  for (const std::string& channel : channels) ((sql += verb) += quote_identifier(channel)) += ';';
  return sql;
}

}  // namespace

std::optional<Notification> read_notification(Bytes frame) {
  wire::Fields fields(frame.subspan(wire::header_size));
  Notification out;
  out.pid = fields.u32();
  out.channel = fields.string();
  out.payload = fields.string();
  if (!fields.done()) return std::nullopt;
  out.frame = as_text(frame);
  return out;
}

std::string listen_sql(const std::vector<std::string>& channels) {
  return for_each("LISTEN ", channels);
}

std::string unlisten_sql(const std::vector<std::string>& channels) {
  return for_each("UNLISTEN ", channels);
}

std::string fence_token(const Listener::Subscriber& who, std::uint64_t number) {
  return std::to_string(who.worker) + " " + std::to_string(who.session) + " " +
         std::to_string(number);
}

Listener::Listener(Hub& hub, Pool& pool) : hub_(hub), pool_(pool), fence_(fence_name(hub)) {
  ticket_.worker = hub.worker;
  ticket_.session = hub.shared.next_id.fetch_add(1) << 31;
  unused_since_ = hub.now();
}

Listener::~Listener() { hub_.shared.broker.leave(pool_.record, ticket_); }

void Listener::join() {
  ticket_.since = hub_.now();
  retry_at_ = hub_.now() + retry_pause;
  if (Server* idle = pool_.take_idle(hub_.setting_table.empty())) return link(*idle);
  hub_.follow(hub_.shared.broker.join(pool_.record, ticket_), pool_);
}

void Listener::link(Server& server) {
  server_ = &server;
  server.dedicated = true;
  server.take(*this, id(), 0, hub_.setting_table.empty(), hub_.to_server);
  std::vector<std::string> all = {fence_};
  for (const auto& [channel, subscribers] : channels_) all.push_back(channel);
  send(listen_sql(all), {{}, true});
  // The empty statement: its answer comes behind the others.
  for (const Asker& asker : std::exchange(askers_, {})) send({}, {asker});
}

void Listener::send(const std::string& sql, Order order) {
  if (!server_) {
    if (order.asker) askers_.push_back(*order.asker);
    return;
  }
  std::string message;
  wire::text_message(message, 'Q', sql);
  hub_.to_server.copy(message);
  server_->expect(Reply::query);
  orders_.push_back(order);
  server_->write(hub_.to_server);
}

std::set<Listener::Subscriber> Listener::subscribers() const {
  std::set<Subscriber> all;
  for (const auto& [channel, some] : channels_) all.insert(some.begin(), some.end());
  return all;
}

void Listener::subscribe(Asker asker, const std::vector<std::string>& channels) {
  std::vector<std::string> more;
  for (const std::string& channel : channels) {
    auto [entry, made] = channels_.try_emplace(channel);
    entry->second.insert(asker.who);
    if (made) more.push_back(channel);
  }
  send(listen_sql(more), {asker});
  if (!server_ && !hub_.shared.broker.in_line(ticket_) && hub_.now() >= retry_at_) join();
}

void Listener::unsubscribe(Subscriber who, const std::vector<std::string>& channels) {
  std::erase_if(askers_, [&](const Asker& asker) { return asker.who == who; });
  for (const std::string& channel : channels) {
    const auto entry = channels_.find(channel);
    if (entry == channels_.end()) continue;
    entry->second.erase(who);
    if (!entry->second.empty()) continue;
    channels_.erase(entry);
    send("UNLISTEN " + quote_identifier(channel), {});
  }
  if (channels_.empty()) unused_since_ = hub_.now();
}

void Listener::tick() {
  const bool needed = !channels_.empty() || !askers_.empty();
  if (server_ && !needed && hub_.now() - unused_since_ > unused_limit) {
    Server& unused = *std::exchange(server_, nullptr);
    orders_.clear();
    return unused.release();
  }
  const bool waits = server_ || hub_.shared.broker.in_line(ticket_);
  if (needed && !waits && hub_.now() >= retry_at_) join();
}

void Listener::end() {
  channels_.clear();
  orders_.clear();
  if (server_) server_->discard("the proxy ends");
}

// Only answers to its own statements come this way.
void Listener::deliver(Out& out) {
  for (const Bytes& segment : out.segments()) received_.append(as_text(segment));
  out.clear();
  std::size_t done = 0;
  wire::Header header;
  const auto rest = [&] { return as_bytes(received_).subspan(done); };
  while (wire::peek(wire::Origin::server, rest(), header) == wire::Peek::ok &&
         rest().size() >= header.total()) {
    failed_ |= header.tag == 'E';
    if (header.tag == 'Z') answered();
    done += header.total();
  }
  received_.erase(0, done);
}

void Listener::answered() {
  const bool ok = !std::exchange(failed_, false);
  if (orders_.empty()) return;
  const Order order = orders_.front();
  orders_.pop_front();
  if (order.all && ok) {
    for (const Subscriber& each : subscribers()) {
      hub_.shared.fabric->post(each.worker, [session = each.session](Hub& hub) {
        if (Client* client = hub.find(session)) client->on_listener_back();
      });
    }
  }
  if (!order.asker) return;
  const auto [who, round] = *order.asker;
  hub_.shared.fabric->post(who.worker, [who = who, round = round, ok, fence = fence_](Hub& hub) {
    if (Client* client = hub.find(who.session)) client->on_subscribed(ok, fence, round);
  });
}

bool Listener::on_notification(Server&, Bytes frame) {
  auto what = read_notification(frame);
  if (!what) return false;
  if (what->channel == fence_) return tell_fence(what->payload), false;
  const auto entry = channels_.find(what->channel);
  if (entry == channels_.end()) return false;
  tell(entry->second, std::make_shared<const Notification>(std::move(*what)));
  return false;
}

void Listener::tell(const std::set<Subscriber>& whom, std::shared_ptr<const Notification> what) {
  // They are in the order of their workers: one message each.
  for (auto first = whom.begin(); first != whom.end();) {
    const pool::WorkerId worker = first->worker;
    std::vector<pool::SessionId> sessions;
    for (; first != whom.end() && first->worker == worker; ++first) {
      sessions.push_back(first->session);
    }
    hub_.shared.fabric->post(worker, [sessions = std::move(sessions), what](Hub& hub) {
      for (const pool::SessionId session : sessions) {
        if (Client* client = hub.find(session)) client->on_told(*what);
      }
    });
  }
}

void Listener::tell_fence(std::string_view payload) {
  std::string_view text = payload;
  std::uint64_t worker = 0, session = 0, number = 0;
  if (!next_number(text, worker) || !next_number(text, session) || !next_number(text, number))
    return;
  if (worker >= hub_.shared.broker.workers()) return;
  hub_.shared.fabric->post(static_cast<pool::WorkerId>(worker), [session, number](Hub& hub) {
    if (Client* client = hub.find(session)) client->on_fence(number);
  });
}

void Listener::on_sync_failed(Server& server, Bytes) {
  server.discard("a connection that listens could not be prepared");
}

void Listener::on_server_lost(Server&, Bytes) {
  server_ = nullptr;
  retry_at_ = hub_.now() + retry_pause;
  received_.clear();
  failed_ = false;
  for (const Order& order : std::exchange(orders_, {})) {
    if (order.asker) askers_.push_back(*order.asker);
  }
  for (const Subscriber& each : subscribers()) {
    hub_.shared.fabric->post(each.worker, [session = each.session](Hub& hub) {
      if (Client* client = hub.find(session)) client->on_listener_lost();
    });
  }
}

}  // namespace heim::session
