// The thread that asks Redis for answers that other proxies of the fleet have kept there, and keeps
// ours there: a connection of its own, so that large answers do not hold up what keeps caches in
// step.
//
// Of the namespace N, an answer lies under {N}:answer:H, H its key in hexadecimal digits, for as
// long as it is good for. What Redis says of these keys by itself (notify-keyspace-events) makes
// the list of what is there; {N}:answer:probe tells whether it says so.
#pragma once
#include <string>
#include <thread>

#include "base/log.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "fleet/shelf.hpp"
#include "io/loop.hpp"
#include "io/socket_transport.hpp"
#include "io/timer.hpp"
#include "redis/link.hpp"
#include "session/shared.hpp"

namespace heim::runtime {

class StoreThread final : public fleet::Store, fleet::ShelfOwner, redis::LinkOwner {
 public:
  /// All outlive it.
  StoreThread(const config::Settings& settings, session::Shared& shared);
  ~StoreThread() override;

  /// Loads certificates.
  Result<void> prepare();
  void start();
  void stop();

  // Store
  bool may_hold(std::string_view key) const override { return shelf_.may_hold(key); }
  void ask(std::string key, const Asker& asker) override;
  void put(std::string key, fleet::Parcel parcel, Duration ttl) override;
  std::vector<std::pair<std::string, std::string>> rows() const override;

 private:
  // ShelfOwner
  void get(const std::string& key, std::uint64_t number) override;
  void set(const std::string& key, std::string bytes, Duration ttl) override;
  void tell(const Asker& asker, Found found) override {
    shared_.tell_found(asker, std::move(found));
  }

  // LinkOwner
  void on_up() override;
  void on_push(redis::Value&& push) override;
  void on_down(const std::string& why) override;

  void turn();
  void probe();
  void scan(const std::string& cursor);

  const config::CacheRedis settings_;
  session::Shared& shared_;
  Logger& logger_;
  io::Loop loop_;
  io::SocketTransport transport_;
  io::Timer timer_;
  redis::Link link_;
  fleet::Shelf shelf_;
  const std::string prefix_, channel_;  // of keys; of what is said of them
  std::string last_words_;              // of the log
  // Of the connection.
  bool probed_ = false;   // it said what became of the probe
  bool scanned_ = false;  // or is being
  Instant next_probe_ = never;
  std::atomic<bool> notifies_{false};
  std::atomic<std::size_t> queued_{0};  // bytes of answers on their way to this thread
  std::thread thread_;
};

}  // namespace heim::runtime
