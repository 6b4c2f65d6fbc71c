// One worker's part of a pool: the server connections that live on this worker, and who waits here.
#pragma once
#include <string>
#include <unordered_map>

#include "base/list.hpp"
#include "cluster/reports.hpp"
#include "config/settings.hpp"
#include "pool/broker.hpp"
#include "session/guide.hpp"
#include "session/server.hpp"
#include "session/snapshot.hpp"
#include "sql/catalog.hpp"

namespace heim::session {

class Client;

struct Pool {
  Pool(Hub& the_hub, pool::Record& the_record) : hub(the_hub), record(the_record) {}
  using Servers = List<Server, &Server::hook>;

  Hub& hub;
  pool::Record& record;
  std::string database;  // as clients name it
  std::string dbname;    // on the server
  config::PoolMode mode = config::PoolMode::session;
  freshness::DatabaseId ledger_database = 0;
  bool relay = false;        // no secrets: connections come from logins
  bool open_to_all = false;  // the server trusts the proxy without a secret
  bool disabled = false;
  static constexpr sql::Effects watch_all =
      sql::effect::calls_functions | sql::effect::uses_relations | sql::effect::names_attributes;
  bool for_listener = false;  // has the one connection that listens for the others
  Servers idle;               // most recently used first
  Servers linked;
  Servers opening;
  Servers cleaning;  // and canceling
  std::uint32_t clients_active = 0;
  std::uint32_t clients_waiting = 0;
  std::uint32_t clients = 0;                         // sessions that use this pool
  Meter* meter = nullptr;                            // of the database
  cluster::Role role_seen = cluster::Role::unknown;  // of the node, when it last changed
  cluster::Condition condition_seen = cluster::Condition::serving;
  std::uint64_t served = 0;  // transactions since the node's counts were told, and
  std::uint64_t faults = 0;  // what failed through the server's own fault
  Instant retry_at{};        // after a failed login: not before
  std::string last_error;    // whole ErrorResponse of the last failed login; empty after a good one
  /// What the database's objects do to a session. Null while that is not known: then
  /// `catalog_watch` has all that may matter.
  sql::CatalogRef catalog;
  sql::Effects catalog_watch = watch_all;
  std::uint64_t catalog_version = ~std::uint64_t{0};
  route::Policy policy;           // of reads
  route::Wish wish;               // of the user
  Guide::Plans* plans = nullptr;  // of what is asked here; null: none yet
  Instant catalog_missed{};       // since when there is none
  /// What a server reports once it has a client's parameters: the greeting of the next client with
  /// the same.
  std::unordered_map<Settings, Settings> greetings;

  std::uint32_t servers() const {
    return static_cast<std::uint32_t>(idle.size() + linked.size() + opening.size() +
                                      cleaning.size());
  }
  std::string_view unfit(const Server& server) const;
  void set_idle_count();
  void count_error(std::string_view sqlstate) {
    ++meter->total.error_count;
    faults += cluster::is_nodes_fault(sqlstate);
  }
  /// Nobody gets a connection: it is paused, or its node is out of service.
  bool is_held() const;
  /// Connections from before are not to be trusted with anything new.
  bool is_down() const;
  /// Whether what others write is heard of, or need not be: see freshness::Follow.
  bool may_use_cache() const;
  /// Makes `catalog` what it is for all workers.
  void look_at_catalog();
  /// Has it read where that is due. Not while a client's message is under way.
  void keep_catalog();
  /// An idle connection, if nobody stands in line and the pool is not paused: of those used last
  /// the one that differs least from `wanted` (null: any); `had_temp`: whether it shall have a
  /// schema of temporary objects.
  Server* take_idle(const Settings& wanted, bool had_temp = false);
  /// A usable connection: to the head of the line, or to the idle ones.
  void give(Server& server);
  /// Closes idle connections down to `keep`, oldest first.
  void trim(std::size_t keep, std::string_view why);
};

}  // namespace heim::session
