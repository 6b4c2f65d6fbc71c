// What the workers of one engine share: limits, nodes, secrets, and a way to send each other work.
#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "auth/hba.hpp"
#include "auth/user_list.hpp"
#include "base/log.hpp"
#include "cache/cache.hpp"
#include "cluster/reports.hpp"
#include "cluster/topology.hpp"
#include "config/settings.hpp"
#include "crypto/random.hpp"
#include "fleet/cover.hpp"
#include "fleet/store.hpp"
#include "fleet/trust.hpp"
#include "freshness/follow.hpp"
#include "freshness/ledger.hpp"
#include "pool/broker.hpp"
#include "pool/hold.hpp"
#include "route/rules.hpp"
#include "session/accepted.hpp"
#include "session/catalogs.hpp"
#include "session/question.hpp"
#include "session/server_secrets.hpp"
#include "session/temperatures.hpp"

namespace heim::fleet {
class Fleet;
}

namespace heim::session {

class Hub;

/// One version of the configuration with what was read from the files it names. Immutable.
struct Rules {
  config::Settings settings;
  auth::UserList users;
  auth::Hba hba;
  bool has_users = false;  // auth_file is configured
  route::RulesRef routes;  // null: there are none
};
using RulesRef = std::shared_ptr<const Rules>;

/// Sends work from one worker to another (or to itself, later).
class Fabric {
 public:
  virtual ~Fabric() = default;
  /// [any thread] Runs `work` on that worker's thread, after all that was posted to it before.
  virtual void post(pool::WorkerId to, std::function<void(Hub&)> work) = 0;
};

/// What the console does with the engine as a whole. The runtime implements it.
class Operator {
 public:
  enum class Shutdown : std::uint8_t { now, wait_for_servers, wait_for_clients };
  virtual ~Operator() = default;
  /// Reads the configuration again. Returns what is wrong, or an empty text.
  virtual std::string reload() = 0;
  virtual void shutdown(Shutdown how) = 0;
};

/// Sends sessions on that waited for what another one asked. Tokens are of token().
class CacheWaiter final : public cache::Waiter {
 public:
  explicit CacheWaiter(Fabric*& fabric) : fabric_(fabric) {}
  static std::uint64_t token(pool::WorkerId worker, pool::SessionId session) {
    return std::uint64_t{worker} << 48 | session;
  }
  void wake(std::uint64_t token, cache::Wake why) override;

 private:
  Fabric*& fabric_;  // set later
};

class WarmList;

class Shared {
 public:
  Shared(pool::WorkerId workers, crypto::Random& the_random, Logger& the_logger)
      : broker(workers), random(the_random), logger(the_logger), process_key(random.bytes(32)) {
    random.fill(reinterpret_cast<std::uint8_t*>(&hash_seed), sizeof hash_seed);
  }

  pool::Broker broker;
  pool::Hold hold;
  cluster::Topology nodes;
  crypto::Random& random;
  Logger& logger;
  Fabric* fabric = nullptr;
  cluster::Reports* reports = nullptr;  // may be null: nobody else watches the nodes
  Operator* engine = nullptr;  // may be null: then the console cannot reload or stop anything
  const std::string process_key;
  std::uint64_t hash_seed = 0;
  std::atomic<std::uint64_t> next_id{1};
  std::atomic<std::uint32_t> clients{0};
  /// Bumped when a server says that a statement's result type changed: whatever was prepared before
  /// is stale.
  std::atomic<std::uint64_t> schema_epoch{0};
  AcceptedStatements accepted;
  Catalogs catalogs;
  freshness::Ledger ledger;
  /// Null: nothing is kept. `cache_waiter`: for sessions that wait for another's answer.
  std::unique_ptr<cache::Cache> cache;
  std::unique_ptr<CacheWaiter> cache_waiter;
  /// Whether answers may be given out that are kept; by who keeps in step with other proxies.
  fleet::Trust trust;
  fleet::Fleet* fleet = nullptr;  // null: this proxy is alone
  /// Null: questions are not kept with their answers. `warm_list`: null, there was nothing before.
  std::unique_ptr<Askers> askers;
  WarmList* warm_list = nullptr;
  /// What was asked ahead.
  struct {
    std::atomic<std::uint64_t> asked{0}, stored{0}, used{0}, dropped{0};
  } prefetch;
  fleet::Store* store = nullptr;  // null: what is kept here is kept here alone
  /// [any thread] What was found of what a session asked the store for.
  void tell_found(const fleet::Store::Asker& asker, fleet::Store::Found found);
  /// Whose answers wait, see Hub::withheld; tokens as those of CacheWaiter.
  fleet::Cover cover;
  void wake_withheld(std::uint64_t token);
  /// Null: of writes past this proxy nothing is heard.
  std::unique_ptr<freshness::Follow> follow;
  /// Whether writes are accounted for: reads may go elsewhere, or answers are kept.
  bool accounts() const { return nodes.size() > 1 || cache; }
  /// Before the workers run.
  void open_cache(const cache::Cache::Limits& limits);
  Temperatures temperatures;
  ServerSecrets server_secrets;
  /// Wall clock for VALID UNTIL, set by the driver.
  std::function<auth::WallTime()> wall_clock = [] { return auth::WallTime{}; };

  /// Nodes have changed, and what is asked from here on goes by that. [one thread at a time]
  void look_at_primary();

  /// [any thread] What servers report to a client with these parameters, for logins on other
  /// workers.
  using Greeting = std::vector<std::pair<std::string, std::string>>;
  std::optional<Greeting> greeting(const pool::Record& pool, const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto it = greetings_.find({&pool, key});
    return it == greetings_.end() ? std::nullopt : std::optional(it->second);
  }
  void keep_greeting(const pool::Record& pool, const std::string& key, const Greeting& greeting) {
    const std::lock_guard lock(mutex_);
    if (greetings_.size() > 10000) greetings_.clear();
    greetings_[{&pool, key}] = greeting;
  }

 private:
  std::optional<std::uint32_t> primary_;  // that the cache is filled from
  std::mutex mutex_;
  std::map<std::pair<const pool::Record*, std::string>, Greeting> greetings_;
};

}  // namespace heim::session
