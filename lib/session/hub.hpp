// One worker below the sans-IO line: its clients, its servers, its part of the pools, its timers.
//
// Streams and time come from outside; everything here runs on one thread. The runtime drives it
// over sockets, the simulator over virtual wires.
#pragma once
#include <algorithm>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/stream.hpp"
#include "route/router.hpp"
#include "session/client.hpp"
#include "session/console.hpp"
#include "session/out.hpp"
#include "session/pool.hpp"
#include "session/prefetch.hpp"
#include "session/refill.hpp"
#include "session/shared.hpp"
#include "session/statements.hpp"
#include "sql/analysis.hpp"
#include "sql/spelling.hpp"

namespace heim::session {

class Canceler;
class Inquiry;
class Listener;

class Hub {
 public:
  /// All references outlive the hub. `console` may be null: there is none then.
  Hub(pool::WorkerId worker, Shared& shared, Transport& transport, Clock& clock, RulesRef rules,
      ConsoleDesk* console);
  ~Hub();
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  // ---- driven from outside ----------------------------------------------------
  /// A client connected.
  void accept(Stream& stream);
  /// Time passed. To be called when next_tick() is due; more often does no harm.
  void tick();
  Instant next_tick() const { return next_tick_; }
  /// A new configuration.
  void set_rules(RulesRef rules);
  /// No new sessions; those there are end as `how` says, with 57P01.
  void shutdown(Operator::Shutdown how);
  /// True once shutdown() is complete: no client is left.
  bool is_done() const;
  /// Closes every server connection. For the end.
  void close_servers();

  // ---- for the console (console thread = this worker's) --------------------------
  void fill(Snapshot& snapshot);
  /// Where a statement would go now, and why. `database` empty: that of most sessions.
  std::vector<ExplainRow> explain_route(const std::string& database, const std::string& sql);
  /// Whether it is configured, or was used.
  bool knows(const std::string& database) const;
  void pause(const std::string& database, bool paused);  // empty: all
  void disable(const std::string& database, bool disabled);
  void reconnect(const std::string& database);  // servers close when they become free
  void kill(const std::string& database);       // clients and servers at once
  bool kill_client(std::uint64_t id);
  bool all_idle(const std::string& database) const;  // for PAUSE and WAIT_CLOSE
  /// Runs `work` at the next tick.
  void at_tick(std::function<void(Hub&)> work) { at_tick_.push_back(std::move(work)); }
  bool all_fresh(const std::string& database) const;  // no connection awaits its closing

  // ---- for sessions -----------------------------------------------------------
  Instant now() const { return clock_.now(); }
  const Rules& rules() const { return *rules_; }
  const config::Settings& settings() const { return rules_->settings; }
  Pool* pool_for(const DatabaseView& database, const std::string& user, std::uint32_t node);
  std::optional<route::Choice> choose(route::Wanted wanted);
  DatabaseView database(const std::string& name) const;
  config::PoolMode mode_for(const DatabaseView& database, const std::string& user) const;
  void log(LogLevel level, std::string_view text) const;
  bool logs(LogLevel level) const { return level >= shared.logger.level(); }
  /// Opens a server for the pool; its slot is counted already.
  Server* open_server(Pool& pool, Client* owner,
                      std::vector<std::pair<std::string, std::string>> extra, bool relay);
  void order(const pool::OpenOrder& order);
  /// Asks for what join() said.
  void follow(const pool::Joined& joined, Pool& pool);
  /// A login of a server failed: those who wait may be told.
  void login_failed(Pool& pool, Bytes error, bool final, std::uint64_t tried = 0);
  void node_failed(Pool& pool);
  bool has_primary() const;
  void node_works(Pool& pool, const Settings& parameters);
  /// Roles or conditions in the Topology did.
  void nodes_changed();
  void look_at_nodes();
  bool can_open(const Pool& pool) const;
  /// No connection is left, and the proxy has no credentials to open one.
  static bool is_cut_off(const Pool& pool);
  /// Its node has just refused to let it in, and no connection is left.
  bool is_refused(const Pool& pool) const;
  void start_relay(Pool& pool, Client& client);
  Pool* dedicated_pool(const DatabaseView& database, const std::string& user, std::uint32_t node);
  Inquiry& add(std::unique_ptr<Inquiry> inquiry);
  void finish(Inquiry& inquiry);
  /// Has the listener of the pool's database and node do something, on the worker where it lives.
  void at_listener(const Pool& of, std::function<void(Listener&)> work);
  void canceler_done(std::uint64_t id);
  bool give_to(Server& server, pool::SessionId session);
  void open_for(pool::Record& record);
  bool is_left(const Pool& pool) const;
  void reroute(Pool& pool);
  void drop_client(Client& client);
  void bury(Server* server);
  void sweep() {
    if (has_dead_) clear_dead();
  }
  /// Sends a cancel request for what `server` runs. `done` runs when it is over.
  void cancel(Server& server, std::function<void()> done);
  /// A cancel request for this server has had its effect.
  void cancel_over(std::uint64_t server_id, bool in_time);
  /// A client asks to cancel another's statement. The reply is the closing of `requester`.
  void cancel_requested(std::uint32_t pid, const std::string& secret, Client& requester);
  /// `left`: workers still to be asked, this one included.
  void cancel_here(std::uint32_t pid, const std::string& secret, std::size_t left,
                   std::function<void()> done);
  /// The client is told this pid, of its own server, from now on.
  void give_pid(Client& client, std::uint32_t pid);
  void close_requester(pool::SessionId id);
  /// Servers that wait for other proxies with what they were asked or have answered, by id.
  std::unordered_map<std::uint64_t, Server*> withheld;
  Client* find(pool::SessionId id) const;
  /// A server handed over by another worker for a session of ours.
  void receive(Server& server, pool::SessionId session);
  void hand_over(Server& server, pool::WorkerId to, pool::SessionId session);
  /// An idle server for those who wait elsewhere.
  void yield_idle(pool::Record& record);
  void evict_idle(const std::string& database, const std::string& user);
  bool draining() const { return shutdown_ != Shutdown::no; }
  /// Sessions that are there may go on.
  bool serves() const {
    return shutdown_ == Shutdown::no || shutdown_ == Shutdown::wait_for_clients;
  }
  Pool* mine(pool::Record& record);

  Shared& shared;
  crypto::RandomSupply random{shared.random};
  Transport& transport;
  ConsoleDesk* const console;
  const pool::WorkerId worker;
  Out to_client;
  Out to_server;
  SettingTable setting_table;
  StatementTable statement_table;
  HoldCounts holds{};  // how often a client came to have each reason to keep a server
  sql::AnalysisCache analysis{shared.hash_seed};
  /// What a text does, that several steps of one message look at. Good until the next call.
  const sql::ScriptRef& script(std::string_view text) {
    if (text.data() == script_text_.data() && text.size() == script_text_.size()) return script_;
    const sql::ScriptRef& found = analysis.find(text);
    if (script_ != found) script_ = found;  // mostly it is the same, and others may count it, too
    script_text_ = text;
    return script_;
  }
  /// The texts of the message before are gone.
  void new_message() {
    script_text_ = {};
    interned.statement = nullptr;
  }
  /// What the Parse at hand makes, where a step before has looked already.
  struct Interned {
    const char* content = nullptr;  // compared only
    std::uint64_t reading = 0;
    StatementRef statement;  // null: none has
  } interned;
  Guide guide;
  Refill refill{*this};
  Prefetch prefetch{*this};
  // While a batch is looked at.
  route::Plan merged_plan;
  struct ParsedName {
    std::string_view name;
    bool ends_block;
  };
  std::vector<ParsedName> parsed;
  /// Servers that went to other workers, on their threads, since Server::settle() began.
  std::vector<const Server*> handed_over;
  bool has_left(const Server& server) const {
    return std::find(handed_over.begin(), handed_over.end(), &server) != handed_over.end();
  }
  sql::Spellings spellings{shared.hash_seed};
  std::list<std::string> rewritten;  // messages that stand for a client's, until they are sent
  // Sessions by the deadline they are under.
  List<Client, &Client::hook> logging_in;
  List<Client, &Client::hook> ready;    // idle or linked, and console
  List<Client, &Client::hook> waiting;  // oldest first
  List<Client, &Client::hook> closing;
  std::vector<std::pair<Pool*, pool::SessionId>> relay_line;
  struct SecretAnswer {
    auth::StoredSecret secret;
    std::optional<auth::ScramVerifier> derived;
    Instant until;
  };
  std::map<std::pair<std::string, std::string>, SecretAnswer> secrets;  // answers of auth_query

 private:
  enum class Shutdown : std::uint8_t { no, now, wait_for_servers, wait_for_clients };
  void clear_dead();
  void tick_clients();
  struct Mark {  // what the console said of a database
    bool paused = false;
    bool disabled = false;
  };
  Mark mark_of(const std::string& database) const;
  template <class Change>
  void change_marks(const std::string& database, Change change);
  void tick_waiting();
  void tick_pools();
  void tick_pool(Pool& pool);
  void tick_unready(Pool& pool);
  void tick_line(Pool& pool);
  void tick_cut_off(Pool& pool);
  void tick_linked(Pool& pool);
  void tick_idle(Pool& pool);
  void tick_relays();
  void tick_shutdown();
  void node_changed(Pool& pool);
  void open_anew(Pool& pool);
  bool eases();
  void release_held();
  void tell_traffic(Pool& pool);
  void keep_minimum(Pool& pool);
  bool below_minimum(const Pool& pool) const;
  void end_holder(Server& server, std::string_view sqlstate, const std::string& limit);
  void fail_waiting(Pool& pool, const std::string& error);
  void set_policy(Pool& pool, const DatabaseView& database) const;
  Pool* make_pool(const DatabaseView& database, const pool::Key& key);
  static std::string key_text(const pool::Key& key);
  pool::Limits limits(const DatabaseView& database, const std::string& user) const;
  void fill_pool(PoolRow& row, const Pool& pool);
  void fill_clients(Snapshot& snapshot);
  void fill_servers(Snapshot& snapshot, const Pool& pool);
  void fill_databases(Snapshot& snapshot);
  void fill_users(Snapshot& snapshot);
  void fill_pins(Snapshot& snapshot);
  void fill_routes(Snapshot& snapshot);
  void fill_ledger(Snapshot& snapshot);
  void fill_failover(Snapshot& snapshot);
  void fill_cache(Snapshot& snapshot);
  void fill_memory(Snapshot& snapshot);
  std::uint32_t new_handle();
  Client* owner_of(std::uint32_t pid, std::string_view secret) const;

  Clock& clock_;
  RulesRef rules_;
  std::string_view script_text_;  // compared only
  sql::ScriptRef script_;
  std::map<std::string, std::unique_ptr<Pool>> pools_;
  std::unordered_map<std::uint64_t, Server*> servers_;
  std::unordered_map<pool::SessionId, std::unique_ptr<Inquiry>> inquiries_;
  Listener& listener(const std::string& database, const std::string& user, std::uint32_t node);
  std::map<std::string, std::unique_ptr<Listener>> listeners_;  // by database and node
  std::unordered_map<std::uint32_t, Client*> clients_;          // by handle
  // Those that were told their server's pid, by it. Several nodes may have the same.
  std::unordered_multimap<std::uint32_t, Client*> by_server_pid_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Canceler>> cancelers_;
  std::map<std::string, Meter> meters_;
  std::map<std::string, Mark> marks_;
  Mark mark_of_all_;  // of databases that have none of their own
  std::vector<Server*> dead_servers_;
  std::vector<Client*> dead_clients_;
  std::vector<std::unique_ptr<Inquiry>> dead_inquiries_;
  std::vector<std::unique_ptr<Canceler>> dead_cancelers_;
  std::vector<std::function<void(Hub&)>> at_tick_;
  bool has_dead_ = false;
  std::uint32_t next_handle_ = 1;
  std::uint32_t turn_ = 0;
  Instant next_tick_{};
  Instant next_period_{};
  Shutdown shutdown_ = Shutdown::no;
};

}  // namespace heim::session
