// The thread that keeps this proxy's cache in step with those of the other proxies, by Redis: one
// connection, one channel, a list of who is there.
//
// Keys of the namespace N: {N}:members, a hash of names to runs; {N}:runs, the last run; {N}:life,
// which life of this list it is, and since when, or {N}:life:R on a server that stood in for
// another one in replication R: each begins a life. The channel is {N}:fleet.
#pragma once
#include <string>
#include <thread>

#include "base/log.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "fleet/fleet.hpp"
#include "io/loop.hpp"
#include "io/socket_transport.hpp"
#include "io/timer.hpp"
#include "io/wakeup.hpp"
#include "redis/link.hpp"
#include "session/shared.hpp"

namespace heim::runtime {

class FleetThread final : fleet::FleetOwner, redis::LinkOwner {
 public:
  /// From here on nothing of the cache is given out until it is in step. Before anybody commits.
  /// All outlive it, and it outlives all commits.
  FleetThread(const config::Settings& settings, session::Shared& shared);
  ~FleetThread() override;

  /// Loads certificates.
  Result<void> prepare();
  void start();
  /// Says goodbye; takes half a second at most.
  void stop();

 private:
  // FleetOwner
  void publish(std::string message) override;
  void forget() override;
  void forget_query(const Hash128& fingerprint) override {
    shared_.cache->invalidate_fingerprint(fingerprint);
  }
  void change_begins(const std::string& database) override {
    shared_.catalogs.change_begins(database);
  }
  void change_ends(const std::string& database) override { shared_.catalogs.change_ends(database); }
  void unlist(const std::string& name, std::uint64_t run) override;
  void lost(const std::string& why) override { loss_ = why; }
  void wake() override { wakeup_.send(); }

  // LinkOwner
  void on_up() override;
  void on_push(redis::Value&& push) override;
  void on_down(const std::string& why) override;

  void turn();
  void look_at_time(const redis::Value& time);
  void ask_server();
  void enlist(const std::string& life_key);
  void join(const redis::Value& members);
  void list_again(Instant now);
  void say_goodbye();
  bool is_good(const redis::Value& answer);
  std::string key(std::string_view what) const;

  const config::CacheRedis settings_;
  session::Shared& shared_;
  Logger& logger_;
  io::Loop loop_;
  io::SocketTransport transport_;
  io::Wakeup wakeup_;
  io::Timer timer_;
  fleet::Fleet fleet_;
  redis::Link link_;
  const std::string channel_;
  std::string loss_;        // the connection is to be given up; empty: it is not
  std::string last_words_;  // of the log
  // Of the connection.
  bool subscribed_ = false, leaves_ = false;
  std::string server_run_, life_;  // of the server and the list
  std::int64_t server_ms_ = 0;     // its clock
  std::uint64_t run_ = 0;
  Instant listed_at_{};
  // Of the one before.
  std::string server_run_before_, life_before_;
  std::thread thread_;
};

}  // namespace heim::runtime
