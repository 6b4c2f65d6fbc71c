// The whole proxy: workers on their threads, listeners, the configuration in force. What the C ABI
// and the daemon start and stop.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "admin/http.hpp"
#include "backend/host.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "config/load.hpp"
#include "control/control.hpp"
#include "freshness/accounting.hpp"
#include "runtime/rules.hpp"
#include "session/shared.hpp"
#include "session/snapshot.hpp"

namespace heim::runtime {

class Worker;
class Desk;
class RestDesk;
class FleetThread;
class StoreThread;
class WarmStart;
class ParserThread;
class Seat;
class Steward;

class Engine final : public session::Fabric, public session::Operator {
 public:
  /// Reads the files the settings name (secrets, rules, certificates); binds nothing yet. `logger`
  /// outlives it. `source` reads the configuration again for a reload; may be empty. `seats`: for
  /// sessions of this process.
  using Source = std::function<config::LoadResult()>;
  static Result<std::unique_ptr<Engine>> open(config::Loaded loaded, Logger& logger, Source source,
                                              std::uint32_t seats = 0);
  ~Engine() override;

  /// What nodes of the configuration may name. Before start() only.
  void add_backend(const std::string& name, std::unique_ptr<backend::Backend> backend);
  bool has_backend(std::string_view name) const;
  /// Whether all that nodes name are there.
  Result<void> check_backends(const config::Settings& settings) const;
  Result<void> check_backends() const { return check_backends(loaded_.settings); }

  /// Binds every address and starts the threads. On failure nothing is left bound. `private_dir`: a
  /// directory for one more unix socket; may be empty.
  Result<void> start(const std::string& private_dir = {});
  /// The addresses that are bound, as text.
  std::vector<std::string> addresses() const;
  /// [any thread] Blocks until a shutdown is complete; false if `limit` passed first.
  bool wait(Duration limit);

  // ---- Operator, Fabric; [any thread] -------------------------------------------
  /// Reads the configuration again; all or nothing. The text says what is wrong, or is empty.
  std::string reload() override;
  /// Begins to end it; a sharper call may follow.
  void shutdown(Shutdown how) override;
  void post(pool::WorkerId to, std::function<void(session::Hub&)> work) override;

  // ---- [any thread] ----------------------------------------------------------------
  /// Calls `done` on worker `home` with the merged snapshot of all workers.
  void collect(pool::WorkerId home, std::function<void(session::Hub&, session::Snapshot)> done);
  /// Runs `work` on every worker; then `done` on `home`.
  void broadcast(pool::WorkerId home, std::function<void(session::Hub&)> work,
                 std::function<void(session::Hub&)> done);
  /// The seat with the fewest sessions; null if there is none, or the engine was not started.
  std::shared_ptr<Seat> take_seat();
  /// The state that readiness depends on: started, not shutting down.
  bool is_ready() const;
  config::Snapshot settings() const;
  Logger& logger() { return logger_; }
  void set_paused(bool paused) { paused_ = paused; }
  control::Control& control() { return *control_; }

 private:
  Engine(config::Loaded loaded, Logger& logger, Source source, std::uint32_t seats);
  void make_workers();
  void start_seats();
  void apply_nodes(const config::Settings& settings);
  void list_nodes(const config::Settings& settings, cluster::Reducer& reducer, Instant now);
  void nodes_changed();
  using Told = std::function<void(Worker&, session::Hub&)>;
  void tell_workers(const Told& what);
  void worker_done();
  void distribute(int fd);
  Result<io::Fd> dial(std::string_view name);
  Result<void> start_http();
  session::Snapshot blank() const;
  void fill_nodes(session::Snapshot& whole) const;

  Logger& logger_;
  Source source_;
  crypto::SystemRandom random_;
  mutable std::mutex mutex_;  // guards what follows, up to the workers
  std::condition_variable ended_;
  config::Loaded loaded_;
  Rules rules_;
  std::size_t workers_left_ = 0;
  std::atomic<bool> started_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> paused_{false};
  std::vector<std::string> addresses_;  // set by start()
  std::size_t turn_ = 0;                // of worker 0
  std::unique_ptr<session::Shared> shared_;
  std::mutex telling_;  // orders what all workers are told
  std::unique_ptr<freshness::Accounting> accounting_;
  std::unique_ptr<control::Control> control_;
  std::unique_ptr<FleetThread> fleet_;     // null: this proxy is alone
  std::unique_ptr<StoreThread> store_;     // null: what is kept here is kept here alone
  std::unique_ptr<WarmStart> warm_start_;  // null: nothing is asked anew after a restart
  std::unique_ptr<Desk> desk_;
  std::unique_ptr<RestDesk> rest_desk_;
  std::unique_ptr<ParserThread> parser_;  // for seats
  std::map<std::string, std::unique_ptr<backend::Host>, std::less<>> backends_;
  // Those with a thread, then those of the seats.
  std::vector<std::unique_ptr<Worker>> workers_;
  std::size_t threads_ = 0;
  std::vector<std::shared_ptr<Seat>> seats_;
  std::unique_ptr<Steward> steward_;
  std::unique_ptr<admin::HttpServer> http_;
};

}  // namespace heim::runtime
