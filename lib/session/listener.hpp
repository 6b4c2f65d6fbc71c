// The one connection of a database that listens for all clients of mode `auto`.
//
// It lives on one worker; its subscribers live on any. They ask for channels through the worker's
// mailbox, and all they are told comes through theirs, in the order in which PostgreSQL told it.
//
// A client's own server listens first: LISTEN and UNLISTEN are PostgreSQL's. Then its channels move
// here. Where one source ends and the other begins is marked by a notification that both see, on
// the channel fence(): what came before it counts from the old source, what comes after it from the
// new one. So nothing is told twice or not at all (docs/decisions/014-listen.md).
#pragma once
#include <compare>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "pool/broker.hpp"
#include "session/server.hpp"

namespace heim::session {

/// A NotificationResponse.
struct Notification {
  std::uint32_t pid = 0;
  std::string channel;
  std::string payload;
  std::string frame;  // whole
};
std::optional<Notification> read_notification(Bytes frame);

class Listener final : public Holder {
 public:
  struct Subscriber {
    pool::WorkerId worker = 0;
    pool::SessionId session = 0;
    auto operator<=>(const Subscriber&) const = default;
  };
  struct Asker {
    Subscriber who;
    std::uint32_t round = 0;  // of its questions: an answer to an earlier one is none
  };

  Listener(Hub& hub, Pool& pool);
  ~Listener() override;

  /// Once it listens on all of `channels`, Client::on_subscribed() is told so.
  void subscribe(Asker asker, const std::vector<std::string>& channels);
  void unsubscribe(Subscriber who, const std::vector<std::string>& channels);
  void link(Server& server);
  /// Time passed: a connection that was lost is opened again, one that nobody needs is closed.
  void tick();
  /// The proxy ends.
  void end();
  pool::SessionId id() const { return ticket_.session; }

  void deliver(Out& out) override;
  bool on_notification(Server& server, Bytes frame) override;
  void on_ready(Server&, char) override {}
  void on_sync_failed(Server& server, Bytes error) override;
  void on_server_lost(Server& server, Bytes error) override;

 private:
  void join();
  /// A statement that was sent: who hears that it is done.
  struct Order {
    std::optional<Asker> asker;
    bool all = false;  // all subscribers: it listens again
  };
  void send(const std::string& sql, Order order);
  std::set<Subscriber> subscribers() const;
  void answered();
  void tell_fence(std::string_view payload);
  void tell(const std::set<Subscriber>& whom, std::shared_ptr<const Notification> what);

  Hub& hub_;
  Pool& pool_;
  const std::string fence_;
  pool::Ticket ticket_;
  Server* server_ = nullptr;
  Instant retry_at_{};
  Instant unused_since_{};
  std::map<std::string, std::set<Subscriber>> channels_;
  std::deque<Order> orders_;   // not answered yet
  std::vector<Asker> askers_;  // while there is no connection
  std::string received_;
  bool failed_ = false;  // the order at the front
};

/// `LISTEN "a";LISTEN "b";`, and likewise UNLISTEN.
std::string listen_sql(const std::vector<std::string>& channels);
std::string unlisten_sql(const std::vector<std::string>& channels);
/// A token for the fence: names the session that waits for it.
std::string fence_token(const Listener::Subscriber& who, std::uint64_t number);

}  // namespace heim::session
