#include "runtime/desk.hpp"

#include <atomic>

#include "admin/console.hpp"
#include "runtime/engine.hpp"
#include "runtime/orders.hpp"
#include "session/client.hpp"
#include "session/hub.hpp"
#include "wire/encoder.hpp"

namespace heim::runtime {
namespace {

using admin::Verb;
using session::Hub;

class Talk final : public session::ConsoleTalk {
 public:
  Talk(Engine& engine, session::Client& client, bool admin)
      : engine_(engine),
        client_(client),
        console_({HEIM_VERSION_TEXT, client.user, client.database_name, client.pid, admin}) {
    console_.greet();
    std::string out = console_.take_output();
    wire::Writer(out, 'K').u32(client.pid).bytes(client.secret);
    wire::ready(out, 'I');
    send(out);
  }

  void feed(Bytes bytes) override {
    console_.feed(bytes);
    go_on();
  }

 private:
  // Sends what there is to say and starts what waits. The talk may be gone afterwards.
  void go_on() {
    send(console_.take_output());
    if (console_.ended()) return client_.leave("it ended its conversation with the console");
    const admin::Command* command = console_.pending();
    if (command && !running_) start(*command);
  }

  void send(const std::string& out) {
    if (out.empty() || !client_.stream()) return;
    const Bytes segment = as_bytes(out);
    client_.stream()->write({&segment, 1});
  }

  // Runs `act` on the talk if its client is still there: answers come later, from other workers.
  template <class Act>
  static void with(Hub& hub, pool::SessionId id, Act act) {
    session::Client* client = hub.find(id);
    if (!client || !client->console()) return;
    auto& talk = static_cast<Talk&>(*client->console());
    talk.running_ = false;
    act(talk);
    talk.go_on();
  }

  void start(const admin::Command& command) {
    running_ = true;
    const pool::SessionId id = client_.id;
    if (command.verb == Verb::show) {
      const auto route = command.show == admin::Show::route ? command.sql : std::string();
      return engine_.collect(client_.hub.worker, [id, route, name = command.name](
                                                     Hub& hub, session::Snapshot snapshot) {
        if (!route.empty()) snapshot.explained = hub.explain_route(name, route);
        with(hub, id, [&](Talk& talk) { talk.console_.answer(snapshot); });
      });
    }
    const std::string name = command.name;
    if (orders_node(command)) return order_node(command);
    if (!client_.hub.knows(name)) return refuse_unknown(name);
    switch (command.verb) {
      case Verb::pause:
        if (name.empty()) engine_.set_paused(true);
        return everywhere([name](Hub& hub) { hub.pause(name, true); },
                          [name](const Hub& hub) { return hub.all_idle(name); });
      case Verb::resume:
        if (name.empty()) engine_.set_paused(false);
        return everywhere([name](Hub& hub) { hub.pause(name, false); });
      case Verb::reconnect:
        return everywhere([name](Hub& hub) { hub.reconnect(name); });
      case Verb::kill:
        return everywhere([name](Hub& hub) { hub.kill(name); });
      case Verb::disable:
        return everywhere([name](Hub& hub) { hub.disable(name, true); });
      case Verb::enable:
        return everywhere([name](Hub& hub) { hub.disable(name, false); });
      case Verb::wait_close:
        return everywhere([](Hub&) {}, [name](const Hub& hub) { return hub.all_fresh(name); });
      default:
        return at_once(command);
    }
  }

  // ENABLE takes either; a node's name counts more.
  bool orders_node(const admin::Command& command) const {
    if (command.is_node) return true;
    return command.verb == Verb::enable && engine_.control().knows(command.name);
  }

  void order_node(const admin::Command& command) {
    const cluster::Order order = command.verb == Verb::drain         ? cluster::Order::drain
                                 : command.verb == Verb::maintenance ? cluster::Order::maintain
                                                                     : cluster::Order::enable;
    const Result<void> done = engine_.control().order(command.name, order);
    with(client_.hub, client_.id, [&](Talk& talk) { talk.console_.answer(done); });
  }

  void refuse_unknown(const std::string& database) {
    with(client_.hub, client_.id,
         [&](Talk& talk) { talk.console_.answer(no_such_database(database)); });
  }

  void at_once(const admin::Command& command) {
    if (command.verb == Verb::kill_client) return kill_client(command.id);
    const pool::SessionId id = client_.id;
    if (command.verb == Verb::invalidate) {
      const Result<void> done = invalidate(client_.hub, command);
      return with(client_.hub, id, [&](Talk& talk) { talk.console_.answer(done); });
    }
    if (command.verb == Verb::reload) {
      const std::string wrong = engine_.reload();
      return with(client_.hub, id, [&](Talk& talk) {
        talk.console_.answer(
            wrong.empty() ? Result<void>()
                          : Result<void>(Error{"F0000", "nothing was changed: " + wrong, {}, {}}));
      });
    }
    const auto how = command.shutdown;
    with(client_.hub, id, [](Talk& talk) { talk.console_.answer(Result<void>()); });
    engine_.shutdown(how == admin::Shutdown::immediate ? session::Operator::Shutdown::now
                     : how == admin::Shutdown::wait_for_servers
                         ? session::Operator::Shutdown::wait_for_servers
                         : session::Operator::Shutdown::wait_for_clients);
  }

  void kill_client(std::uint64_t victim) {
    auto found = std::make_shared<std::atomic<bool>>(false);
    engine_.broadcast(
        client_.hub.worker,
        [found, victim](Hub& hub) {
          if (hub.kill_client(victim)) *found = true;
        },
        [found, victim, id = client_.id](Hub& hub) {
          with(hub, id, [&](Talk& talk) {
            talk.console_.answer(
                *found ? Result<void>()
                       : Result<void>(Error{"42704",
                                            "no client has the id " + std::to_string(victim),
                                            {},
                                            "SHOW CLIENTS lists them."}));
          });
        });
  }

  // Does `act` on every worker, and answers once `reached` (if given) holds on all of them.
  void everywhere(std::function<void(Hub&)> act,
                  std::function<bool(const Hub&)> reached = nullptr) {
    const pool::SessionId id = client_.id;
    engine_.broadcast(
        client_.hub.worker, std::move(act),
        [this_engine = &engine_, id, reached](Hub& hub) { await(*this_engine, hub, id, reached); });
  }

  static void await(Engine& engine, Hub& hub, pool::SessionId id,
                    std::function<bool(const Hub&)> reached) {
    if (!reached) return with(hub, id, [](Talk& talk) { talk.console_.answer(Result<void>()); });
    auto all = std::make_shared<std::atomic<bool>>(true);
    engine.broadcast(
        hub.worker,
        [all, reached](Hub& other) {
          if (!reached(other)) *all = false;
        },
        [&engine, all, id, reached](Hub& home) {
          if (*all) return await(engine, home, id, nullptr);
          if (home.find(id))
            home.at_tick([&engine, id, reached](Hub& later) { await(engine, later, id, reached); });
        });
  }

  Engine& engine_;
  session::Client& client_;
  admin::Console console_;
  bool running_ = false;
};

}  // namespace

std::unique_ptr<session::ConsoleTalk> Desk::open(session::Client& client, bool admin) {
  return std::make_unique<Talk>(engine_, client, admin);
}

}  // namespace heim::runtime
