// Who may have a server connection: the limits and the waiting line of every pool, exact over all
// workers.
//
// Workers keep their idle connections to themselves and take from them without asking. They come
// here only when one has to wait, to be opened or to be closed: those calls lock a mutex. The one
// thing read on the fast path is Record::waiters, which is zero as long as nobody waits.
//
// First come, first served: a ticket joins the line of its pool; whoever frees a connection gives
// it to the head of the line, on whatever worker that is.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/list.hpp"

namespace heim::pool {

using WorkerId = std::uint32_t;
/// Names a client session on its worker; never used twice.
using SessionId = std::uint64_t;

/// What one pool is: the same database, user and node.
struct Key {
  std::string database;  // as clients name it
  std::string user;      // as the server knows it
  std::uint32_t node = 0;
  bool operator==(const Key&) const = default;
};

/// Zero means "no limit" for the two outer ones.
struct Limits {
  std::uint32_t size = 20;
  std::uint32_t reserve = 0;
  std::uint32_t database = 0;
  std::uint32_t user = 0;
  Duration reserve_after = std::chrono::seconds(5);
};

/// A place in the line. Lives in the session that waits; the broker links it while it waits.
struct Ticket {
  WorkerId worker = 0;
  SessionId session = 0;
  Instant since{};
  // A connection that nobody has used. Taken back by join() where there is no room for one.
  bool wants_new = false;
  ListHook<Ticket> hook;
};

/// Connections that are being opened to one node, for any pool.
struct NodeCount {
  std::uint32_t opening = 0;
  std::uint32_t most = 0;  // for those in line; 0: any number
};

/// One pool's account. Made once, never destroyed before its broker.
struct Record {
  Key key;
  Limits limits;                          // guarded by the broker
  std::atomic<std::uint32_t> servers{0};  // open or opening, all workers; guarded
  std::uint32_t opening = 0;              // guarded
  List<Ticket, &Ticket::hook> line;       // guarded
  std::uint32_t* database_count = nullptr;
  std::uint32_t* user_count = nullptr;
  NodeCount* at_node = nullptr;
  std::atomic<bool> can_open{true};  // credentials are there
  /// [any thread] currval() or lastval() is in use here.
  void sequences_read(Instant now) {
    sequences_read_at = now.time_since_epoch().count();
    nextvals.store(0, std::memory_order_relaxed);
  }
  /// [any thread] Whether it was within the last ten minutes.
  bool reads_sequences(Instant now) const {
    const std::int64_t at = sequences_read_at.load(std::memory_order_relaxed);
    constexpr std::int64_t ten_minutes = std::int64_t{600} * 1000 * 1000 * 1000;
    return at != 0 && now.time_since_epoch().count() - at < ten_minutes;
  }
  /// [any thread] So many calls of nextval() and none of currval(): nobody will ask.
  bool never_reads_sequences() const { return nextvals.load(std::memory_order_relaxed) >= 100; }
  std::atomic<std::int64_t> sequences_read_at{0};
  std::atomic<std::uint32_t> nextvals{0};  // since then
  // Who stands in `line`, readable without the lock: those whom any connection serves, and those
  // who want a new one.
  alignas(64) std::atomic<std::uint32_t> waiters{0};
  std::atomic<std::uint32_t> want_new{0};
  std::atomic<bool> paused{false};
  std::atomic<bool> forced{false};  // force_slot() was called, and more than `limits` may be open
  struct alignas(64) IdleCount {
    std::atomic<std::uint32_t> value{0};  // written by its worker only
  };
  std::unique_ptr<IdleCount[]> idle;  // one a worker
};

/// "Open a connection for this pool": its slot is already counted.
struct OpenOrder {
  WorkerId worker;
  Record* record;
};

/// What came of joining the line.
struct Joined {
  bool open = false;       // the caller shall open a connection (slot counted)
  bool wake_idle = false;  // some other worker seems to have an idle one
  bool evict = false;      // an outer limit is in the way: idle ones of other pools shall go
};

class Broker {
 public:
  explicit Broker(WorkerId workers) : workers_(workers) {}

  WorkerId workers() const { return workers_; }
  /// [any thread] The pool with this key, made if new. `limits` are taken over each time.
  Record& record(const Key& key, const Limits& limits);

  /// [any thread] Joins the line.
  Joined join(Record& record, Ticket& ticket);
  /// [any thread] Leaves the line; false if a connection was already given to the ticket (it will
  /// arrive).
  bool leave(Record& record, Ticket& ticket);
  /// [any thread] Whether the ticket stands in a line, and nothing is on its way to it.
  bool in_line(const Ticket& ticket);
  /// [any thread] A connection is free: who gets it? None if nobody waits (or the pool is paused).
  /// One that nobody has used goes to those first who want such a one; no other does.
  struct Winner {
    WorkerId worker;
    SessionId session;
  };
  std::optional<Winner> offer(Record& record, bool is_new = false);
  /// [any thread] Takes a slot without a ticket (min_pool_size, a relayed login). False if a limit
  /// is met.
  bool reserve_slot(Record& record);
  /// [any thread] Takes a slot if there are fewer than `minimum` connections.
  bool reserve_below(Record& record, std::uint32_t minimum);
  /// [any thread] Takes a slot for a login even if the pool is full; only the outer limits count.
  bool force_slot(Record& record);
  /// [any thread] More connections than the pool may have, because of force_slot(): the caller
  /// shall close one.
  bool over_limit(Record& record);
  /// [any thread] A connection for which a slot was counted is open now. May order another one for
  /// who has waited longest for the same node; see ease().
  std::optional<OpenOrder> opened(Record& record);
  /// [any thread] The node is back, and many may wait for it: no more than `opening` connections at
  /// once are opened for those in line, until nobody is. 0: as many as there is room for.
  void ease(std::uint32_t node, std::uint32_t opening);
  /// [any thread] A slot is free again. May order another one to be opened for those who wait.
  std::optional<OpenOrder> closed(Record& record, bool was_opening);
  /// [any thread] Looks again whether the head of the line may have a new connection (the reserve's
  /// time has come, credentials arrived, a pool was resumed, a node is back).
  std::optional<OpenOrder> reconsider(Record& record, Instant now);
  /// [any thread] Somebody waits, and only an outer limit is in the way.
  bool hemmed_in(Record& record);
  /// [any thread] Whether some connection is open, and not just being opened.
  bool has_open(Record& record);
  /// [any thread]
  Limits limits(Record& record);
  void set_can_open(Record& record, bool can_open);

  /// [any thread] For SHOW: a consistent copy of the counts.
  struct Count {
    Key key;
    std::uint32_t servers, waiting;
    Limits limits;
  };
  std::vector<Count> counts();
  /// [any thread] Pools, for commands over all of them.
  std::vector<Record*> records();
  /// [any thread] When the head of the line joined; nothing if nobody waits.
  std::optional<Instant> head_since(Record& record);

 private:
  bool room(const Record& record, bool with_reserve) const;
  bool outer_room(const Record& record) const;
  void take_slot(Record& record);
  void put_in_line(Record& record, Ticket& ticket);
  void take_from_line(Record& record, Ticket& ticket);
  void settle_for_used(Record& record);
  std::optional<OpenOrder> order_for(Record& record, bool with_reserve);
  std::optional<OpenOrder> order_any(const Record& freed);
  std::optional<OpenOrder> order_after(const Record& opened);
  bool may_open(const Record& record) const;

  const WorkerId workers_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Record>> records_;
  std::unordered_map<std::uint32_t, NodeCount> nodes_;
  std::unordered_map<std::string, std::uint32_t> database_counts_;
  std::unordered_map<std::string, std::uint32_t> user_counts_;
};

}  // namespace heim::pool
