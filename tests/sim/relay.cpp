#include "relay.hpp"

#include "messages.hpp"
#include "wire/encoder.hpp"
#include "wire/framer.hpp"
#include "wire/startup.hpp"

namespace heim::sim {
namespace {

class Relay;

/// A client and its server connection: everything one says is told the other, but for the bug.
class Pair final : public StreamHandler {
 public:
  Pair(Relay& relay, Endpoint& client) : relay_(relay), client_(&client) {
    client.set_handler(*this);
  }
  void on_bytes(Stream& stream, Bytes bytes) override;
  void on_end(Stream& stream, const StreamEnd& end) override;
  void attach(Endpoint& server) {
    server_ = &server;
    server.set_handler(*this);
  }

  std::string client_in, server_in;
  bool logged_in = false;
  char status = 'I';
  std::uint32_t awaited = 0;  // ReadyForQuery not seen yet
  std::uint32_t swallow = 0;  // of these, not for the client
  Endpoint* client() { return client_; }
  Endpoint* server() { return server_; }
  Endpoint* take_server() { return std::exchange(server_, nullptr); }
  void to_client(std::string_view bytes) {
    if (client_) client_->write(bytes);
  }
  void to_server(std::string_view bytes) {
    if (server_) server_->write(bytes);
  }
  void close_both();
  void greet(Bytes packet);

 private:
  Relay& relay_;
  Endpoint* client_ = nullptr;
  Endpoint* server_ = nullptr;
};

class Relay final : public Middle, public Listener {
 public:
  Relay(World& world, Bug bug)
      : world_(world),
        bug_(bug),
        random_(world.random().fork()),
        host_(world.network().host("relay")) {
    world.network().listen("relay", 6432, *this);
  }
  Target target() const override { return {"relay", 6432}; }
  void on_accept(Endpoint& stream) override {
    pairs_.push_back(std::make_unique<Pair>(*this, stream));
  }

  void login(Pair& pair, const std::string& packet);
  void from_client(Pair& pair);
  void from_server(Pair& pair);

 private:
  bool strikes() { return random_.chance(10); }
  void request(Pair& pair, char tag, std::string_view frame);
  void reply(Pair& pair, char tag, std::string frame);
  void ready(Pair& pair, const std::string& frame);
  void exchange_servers(Pair& pair);
  Endpoint* connect(Pair& pair) {
    return host_.connect_endpoint({world_.primary().settings().host, 5432}, pair);
  }

  World& world_;
  Bug bug_;
  Random random_;
  Host& host_;
  std::vector<std::unique_ptr<Pair>> pairs_;
  Pair* held_pair_ = nullptr;  // swap_replies: whose row is kept
  std::string held_row_;
};

void Pair::on_bytes(Stream& stream, Bytes bytes) {
  if (&stream == client_) {
    client_in += as_text(bytes);
    if (logged_in) return relay_.from_client(*this);
    const auto length = wire::startup_length(as_bytes(client_in));
    if (!length || *length == 0 || client_in.size() < *length) return;
    const std::string packet = client_in.substr(0, *length);
    client_in.erase(0, *length);
    logged_in = true;
    return relay_.login(*this, packet);
  }
  server_in += as_text(bytes);
  relay_.from_server(*this);
}

void Pair::on_end(Stream&, const StreamEnd&) { close_both(); }

void Pair::close_both() {
  if (client_) std::exchange(client_, nullptr)->close();
  if (server_) std::exchange(server_, nullptr)->close();
}

void Relay::login(Pair& pair, const std::string& packet) {
  Endpoint* server = connect(pair);
  pair.attach(*server);
  const auto read = wire::read_startup(as_bytes(packet));
  if (bug_ == Bug::stray_cancel && read && read->kind == wire::StartupKind::cancel) {
    // To whichever process: its secret is known to a simulator.
    const auto& backends = world_.primary().backends();
    const auto& some = *backends[random_.below(backends.size())];
    std::string body(4, '\0'), stray;
    store_be32(reinterpret_cast<std::uint8_t*>(body.data()), some.pid());
    wire::startup(stray, wire::cancel_request, body + some.secret());
    return pair.to_server(stray);
  }
  pair.to_server(packet);
  pair.awaited = 1;
}

void Relay::from_client(Pair& pair) {
  each_message(wire::Origin::client, pair.client_in,
               [&](char tag, const std::string& frame) { request(pair, tag, frame); });
}

void Relay::from_server(Pair& pair) {
  each_message(wire::Origin::server, pair.server_in,
               [&](char tag, const std::string& frame) { reply(pair, tag, frame); });
}

void Relay::request(Pair& pair, char tag, std::string_view frame) {
  if (bug_ == Bug::lose_sync && tag == 'S' && strikes()) return;
  if (bug_ == Bug::lose_flush && tag == 'H') return;
  if (bug_ == Bug::early_error && tag == 'Q' && pair.awaited > 0) {
    std::string out;
    wire::error(out, {"ERROR", "57014", "query_wait_timeout"});
    wire::ready(out, pair.status);
    return pair.to_client(out);
  }
  if (bug_ == Bug::acknowledge_early && tag == 'Q' && frame.find("COMMIT") == 5) {
    std::string out;
    wire::command_complete(out, "COMMIT");
    wire::ready(out, 'I');
    return pair.to_client(out);
  }
  pair.awaited += tag == 'Q' || tag == 'S' || tag == 'F';
  if (bug_ == Bug::run_twice && tag == 'Q' && strikes()) {
    ++pair.awaited;
    ++pair.swallow;
    pair.to_server(frame);
  }
  pair.to_server(frame);
}

void Relay::reply(Pair& pair, char tag, std::string frame) {
  if (bug_ == Bug::drop_row && tag == 'D' && strikes()) return;
  if (bug_ == Bug::hide_parameter && tag == 'S' && pair.status != '?' && random_.chance(50)) return;
  if (bug_ == Bug::swap_replies && tag == 'D' && !held_pair_ && strikes()) {
    held_pair_ = &pair;
    held_row_ = frame;
    return;
  }
  if (bug_ == Bug::swap_replies && tag == 'D' && held_pair_ && held_pair_ != &pair) {
    held_pair_->to_client(frame);
    frame = held_row_;
    held_pair_ = nullptr;
  }
  if (tag == 'Z') return ready(pair, frame);
  if (pair.swallow == 0) pair.to_client(frame);
}

void Relay::ready(Pair& pair, const std::string& frame) {
  pair.status = frame[5];
  if (pair.awaited > 0) --pair.awaited;
  if (pair.swallow > 0) {
    --pair.swallow;
  } else {
    pair.to_client(frame);
  }
  const bool may = bug_ == Bug::share_in_transaction || pair.status == 'I';
  if ((bug_ == Bug::share_dirty || bug_ == Bug::share_in_transaction) && may && pair.awaited == 0) {
    exchange_servers(pair);
  }
}

void Relay::exchange_servers(Pair& pair) {
  for (const auto& other : pairs_) {
    const bool may = bug_ == Bug::share_in_transaction || other->status == 'I';
    if (other.get() == &pair || !other->server() || !other->client() || other->awaited > 0 || !may)
      continue;
    if (!pair.client() || !pair.server() || !other->client_in.empty() || !pair.client_in.empty())
      continue;
    Endpoint* mine = pair.take_server();
    pair.attach(*other->take_server());
    other->attach(*mine);
    std::swap(pair.status, other->status);
    return;
  }
}

}  // namespace

const char* name(Bug bug) {
  static constexpr const char* names[] = {
      "none",        "swap_replies",      "drop_row",     "lose_sync",
      "lose_flush",  "run_twice",         "share_dirty",  "share_in_transaction",
      "early_error", "acknowledge_early", "stray_cancel", "hide_parameter"};
  static_assert(std::size(names) == static_cast<std::size_t>(Bug::count_));
  return names[static_cast<std::size_t>(bug)];
}

std::unique_ptr<Middle> make_relay(World& world, Bug bug) {
  return std::make_unique<Relay>(world, bug);
}

}  // namespace heim::sim
