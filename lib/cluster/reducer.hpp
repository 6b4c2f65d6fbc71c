// The cluster as it is believed to be: what is heard of its nodes comes in, the Topology that
// workers read and things to do come out. No I/O, no clock.
//
// The rules, in the order of what they protect:
//  - A node of another system, and a writable node whose timeline is not the highest that was ever
//    seen, get no work and never count as the primary.
//  - One node counts as the primary: writable, of the highest timeline. Who has not answered, but
//    was given as it or said so in a login, is it only while no other is.
//  - A standby's position counts only while it is up and follows the highest timeline.
//  - A node that fails is down until it has answered several times; then it gets its share slowly.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "cluster/breaker.hpp"
#include "cluster/positions.hpp"
#include "cluster/probe.hpp"
#include "cluster/topology.hpp"

namespace heim::cluster {

struct ReducerOptions {
  bool watching = false;  // nodes are probed; otherwise only traffic tells about them
  Duration settle = std::chrono::milliseconds(175);  // traffic that young outweighs a silent probe
  std::uint32_t failures = 2;                        // in a row that make a node down
  std::uint32_t recoveries = 2;                      // answers in a row that bring it back
  Duration slow_start = std::chrono::seconds(10);
  BreakerOptions breaker;
};

/// What SHOW NODES says of a node beside its Topology entry.
struct Standing {
  std::uint32_t index = 0;
  std::string given;   // the role in the configuration: primary, standby, auto; or discovered
  std::string reason;  // of its condition; empty: there is nothing to say
  Instant since{};     // it has this condition
  const char* breaker = "";
  double failure_rate = 0;
  std::optional<Answer> answer;  // the last one
  std::optional<std::uint64_t> lag_bytes;
  Instant answered{};
  std::uint64_t probes = 0, failures = 0;
};

/// What the caller is to do.
struct Actions {
  std::vector<std::uint32_t> probe;  // these at once
  bool changed = false;              // roles or conditions did: workers look again
  /// A newer timeline has a primary, which was there when it was heard of: see LsnSink.
  std::optional<std::uint64_t> switched;
  struct Line {
    LogLevel level;
    std::string text;
  };
  std::vector<Line> lines;
};

/// One thread at a time.
class Reducer {
 public:
  explicit Reducer(Topology& nodes) : nodes_(nodes) {}
  void set_options(const ReducerOptions& options, Instant now);

  // ---- who belongs to the cluster ---------------------------------------------------
  /// A node of the Topology, new or changed. `given`: unknown finds out.
  void enlist(std::uint32_t index, Role given, bool discovered, Instant now);
  /// It left; its connections drain.
  void dismiss(std::uint32_t index, Instant now);
  bool is_listed(std::uint32_t index) const;
  bool is_discovered(std::uint32_t index) const;

  // ---- what happens -----------------------------------------------------------------
  /// `asked`: when the question was sent.
  void answered(std::uint32_t index, const Answer& answer, Instant asked, Instant now);
  void failed(std::uint32_t index, const Trouble& trouble, Instant now);
  /// Between probes: how far a standby has replayed, where the primary's WAL is.
  void replayed(std::uint32_t index, std::uint64_t lsn, Instant now);
  void inserted(std::uint32_t index, std::uint64_t lsn, Instant asked);
  /// Somebody who must know says what the node is (Patroni). Counts where nobody probes.
  void told(std::uint32_t index, Role role, Instant now);
  /// A worker's connection failed; a login said what the node is.
  void unreachable(std::uint32_t index, Instant now);
  void seen(std::uint32_t index, Role role);
  void order(std::uint32_t index, Order order, Instant now);
  void tick(Instant now);

  // ---- what comes of it ---------------------------------------------------------------
  Actions take_actions() { return std::exchange(actions_, {}); }
  std::vector<Standing> standings() const;
  /// The node that is taken for the primary, if it is up.
  std::optional<std::uint32_t> primary() const;
  /// Where the primary's WAL was when last heard.
  std::uint64_t newest_insert() const { return positions_.newest(); }
  std::uint32_t timeline() const { return timeline_; }
  std::uint64_t system() const { return system_; }

 private:
  enum class Health : std::uint8_t { fine, down };
  struct Member {
    bool listed = false, discovered = false;
    Role given = Role::unknown;
    Order order = Order::enable;
    Health health = Health::fine;
    bool blind = true;        // nothing was heard by a probe yet, or the monitor is not let in
    bool lost = false;        // the last probe failed: its position does not count
    bool lone_error = false;  // a worker's connection failed since the last answer
    bool vouched = false;     // Patroni says that it is the primary
    bool deposed = false;     // it would be the primary, not by its own word: another one is
    std::uint32_t failures = 0, successes = 0;
    std::string trouble;
    std::string blind_for;  // what was said of it
    std::optional<Answer> answer;
    Instant answered{};
    Instant last_good{};             // traffic
    std::optional<Instant> reached;  // what it has replayed up to
    std::optional<Instant> rises;    // slow start since
    Breaker breaker;
    std::uint64_t served = 0, failed = 0;  // of the Topology's counters, seen
    std::uint64_t probes = 0, all_failures = 0;
    // What was published.
    Role role = Role::unknown;
    Condition condition = Condition::serving;
    std::string reason;
    Instant since{};
  };
  struct Verdict {
    Role role = Role::unknown;
    Condition condition = Condition::serving;
    std::string reason = {};
    bool alarm = false;
  };

  void evaluate(Instant now);
  void choose_system();
  void choose_primary();
  void note_switch();
  bool has_rival(std::uint32_t index) const;
  void depose();
  void settle();
  bool better_primary(std::uint32_t a, std::uint32_t b) const;
  bool writes(std::uint32_t index) const;
  bool foreign(std::uint32_t index) const;
  Verdict judge(std::uint32_t index) const;
  bool keeps_seat(std::uint32_t index) const;
  Verdict judge_writable(std::uint32_t index) const;
  Verdict judge_role(std::uint32_t index) const;
  void publish(std::uint32_t index, Verdict verdict, Instant now);
  void publish_position(std::uint32_t index, Instant now);
  void publish_share(std::uint32_t index, Instant now);
  void count_traffic(std::uint32_t index, Instant now);
  bool counts(const Member& member, const Trouble& trouble, Instant now) const;
  void say(LogLevel level, std::string text);
  void say(std::uint32_t index, const Verdict& verdict);
  const std::string& name(std::uint32_t index) const { return nodes_.node(index).name; }
  Member& member(std::uint32_t index);

  Topology& nodes_;
  ReducerOptions options_;
  std::vector<Member> members_;
  Positions positions_;
  Actions actions_;
  std::uint64_t system_ = 0;
  bool settled_ = false;        // a primary of this system was found: it stays
  std::uint32_t timeline_ = 0;  // the highest seen
  std::uint32_t led_ = 0;       // that of the last primary
  std::optional<std::uint32_t> primary_;
  std::optional<std::uint32_t> seat_;  // the last one
};

const char* to_text(Role role);
const char* to_text(Condition condition);
/// "0/16B3748"
std::string lsn_text(std::uint64_t lsn);

}  // namespace heim::cluster
