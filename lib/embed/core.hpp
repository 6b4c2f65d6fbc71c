// The engine for a program with its own loop: a hub without threads, sockets and clock.
//
// What throws in the midst of the engine leaves it half way: from then on the core is broken, does
// nothing more, and is better not destroyed.
#pragma once
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "admin/table.hpp"
#include "auth/stored_secret.hpp"
#include "cluster/sampling.hpp"
#include "crypto/random.hpp"
#include "embed/connections.hpp"
#include "embed/failure.hpp"
#include "embed/nodes.hpp"
#include "freshness/accounting.hpp"
#include "runtime/parser_thread.hpp"
#include "session/hub.hpp"
#include "session/shared.hpp"

namespace heim::embed {

struct CoreOptions {
  bool parser_thread = false;
  bool tls = false;
  std::string endpoint_hash;
  auth::WallTime wall_now{};
};

/// [one thread] Its calls throw Failure, and have changed nothing, where they are wrong.
class Core final : session::Fabric, cluster::LsnSource {
 public:
  /// The logger outlives it. Throws Failure (invalid) where the configuration does not fit, or a
  /// file of it is wrong; std::system_error where there is no thread.
  Core(const config::Settings& settings, const CoreOptions& options, Logger& logger, Instant now);
  ~Core() override;
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  Instant now() const { return clock_.time; }
  void advance(Instant now);
  /// `never`: nothing is due.
  Instant deadline() const;
  const Action& next_action();
  /// Of the node with this address, or of the primary; empty: of none.
  const char* node_of(const Target& target) const;
  const char* primary() const;

  std::uint64_t accept(Peer peer);
  void connected(std::uint64_t id, std::optional<Peer> peer);
  void received(std::uint64_t id, Bytes bytes);
  Bytes unsent(std::uint64_t id);
  void sent(std::uint64_t id, std::size_t count);
  void ended(std::uint64_t id, std::string why);
  void secured(std::uint64_t id, const TlsInfo& info);

  void set_node(std::string_view name, const NodeView& view);
  std::uint64_t begin_sample();
  void end_sample(std::uint64_t sample, std::uint64_t lsn);
  /// Empty: each database that has the table, all tables.
  void invalidate(const std::string& database, const std::string& table);
  void stop(session::Operator::Shutdown how);

  /// What SHOW says: "POOLS". Throws Failure (server) where there is no such thing.
  admin::Table show(const std::string& what);

  bool is_broken() const { return broken_; }
  /// In place of destroying what is broken: nothing runs any more.
  void abandon() { parser_.reset(); }

 private:
  struct SetClock final : Clock {
    explicit SetClock(Instant start) : time(start) {}
    Instant now() override { return time; }
    Instant time;
  };
  void post(pool::WorkerId to, std::function<void(session::Hub&)> work) override;
  void want_sample() override;
  void must_work() const;
  template <class Work>
  auto run(Work work);
  void settle();
  void tick();
  void close_when_done();
  void fill_nodes(session::Snapshot& whole) const;
  void apply(std::uint32_t node, const NodeView& view);

  SetClock clock_;
  crypto::SystemRandom random_;
  session::Shared shared_;
  Connections connections_;
  std::optional<freshness::Accounting> accounting_;
  std::optional<runtime::ParserThread> parser_;
  std::deque<std::function<void(session::Hub&)>> mail_;
  std::optional<std::uint64_t> sample_;  // is under way
  bool sample_asked_ = false;
  bool keeps_minimum_ = false;  // servers are opened where there is no client
  bool stopping_ = false;
  bool broken_ = false;
  std::optional<session::Hub> hub_;
};

}  // namespace heim::embed
