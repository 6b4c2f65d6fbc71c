// A PostgreSQL server: takes connections, forks backends, carries cancel requests to them, and
// fails in the ways servers do.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backend.hpp"
#include "database.hpp"
#include "network.hpp"

namespace heim::sim {

struct ServerSettings {
  std::string host;
  std::uint16_t port = 5432;
  std::uint32_t conflicts = 0;  // of the reads on a standby, in parts of a hundred of their steps
  bool tls = false;
  std::size_t max_connections = 100;
  Duration cancel_delay_max = milliseconds(20);  // on its way through the postmaster
};

class Server final : public Listener {
 public:
  Server(Network& network, Database& database, Random random, ServerSettings settings);

  void on_accept(Endpoint& stream) override;
  void on_cancel_request(std::uint32_t pid, const std::string& secret, Endpoint& stream);

  // What can happen to it.
  void crash();      // every connection is cut, new ones are refused until start()
  void shut_down();  // fast: 57P01 to all
  void start();
  void freeze();  // SIGSTOP to all of its processes
  void thaw();
  void set_slowness(Duration each) { slowness_ = each; }  // of each step of its sessions
  void terminate_one();  // some backend, as pg_terminate_backend() would
  void notify_all(const std::string& database, const std::string& channel,
                  const std::string& payload);

  /// Told of each new session. May be empty.
  std::function<void(const Backend&)> on_session;
  /// Told when its log has grown. May be empty.
  std::function<void()> on_wal;
  /// Commits are told when a standby has them: it has all up to there.
  void set_synchronized(std::uint64_t lsn);
  std::uint64_t synchronized() const { return synchronized_; }
  void set_in_recovery(bool on);
  bool frozen() const { return frozen_; }
  Duration slowness() const { return slowness_; }

  bool up() const { return up_; }
  std::size_t live() const;
  std::uint64_t made() const { return backends_.size(); }
  const std::vector<std::unique_ptr<Backend>>& backends() const { return backends_; }
  Network& network() { return network_; }
  Scheduler& scheduler() { return network_.scheduler(); }
  Database& database() { return database_; }
  Random& random() { return random_; }
  const ServerSettings& settings() const { return settings_; }

 private:
  Network& network_;
  Database& database_;
  Random random_;
  ServerSettings settings_;
  bool up_ = true, frozen_ = false;
  Duration slowness_{0};
  std::uint64_t synchronized_ = UINT64_MAX;
  std::vector<std::unique_ptr<Backend>> backends_;  // the gone ones too
};

}  // namespace heim::sim
