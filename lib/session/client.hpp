// One client's conversation. Split by phase: startup, login, simple and extended protocol, endings.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "auth/client_login.hpp"
#include "base/list.hpp"
#include "base/stream.hpp"
#include "config/settings.hpp"
#include "pool/broker.hpp"
#include "pool/hold.hpp"
#include "route/decide.hpp"
#include "route/router.hpp"
#include "session/console.hpp"
#include "session/database_view.hpp"
#include "session/holds.hpp"
#include "session/reading.hpp"
#include "session/repeated.hpp"
#include "session/server.hpp"
#include "session/settings.hpp"
#include "session/statements.hpp"
#include "session/states.hpp"
#include "sql/statement.hpp"
#include "wire/encoder.hpp"
#include "wire/framer.hpp"
#include "wire/startup.hpp"

namespace heim::session {

class Hub;
class Listener;
struct Notification;

class Client final : public StreamHandler, public Holder {
 public:
  class Cached;  // what the cache has for it
  class Held;    // while no node can serve it
  Client(Hub& hub, Stream& stream, std::uint32_t handle);
  ~Client() override;

  void apply(ClientEvent event);
  ClientState state() const { return state_; }

  // ---- StreamHandler ----------------------------------------------------------
  void on_bytes(Stream& stream, Bytes bytes) override;
  void on_tls(Stream& stream, const TlsInfo& info) override;
  void on_drained(Stream& stream) override;
  void on_end(Stream& stream, const StreamEnd& end) override;

  // ---- Holder -----------------------------------------------------------------
  void deliver(Out& out) override;
  void on_ready(Server& server, char tx) override;
  void on_sync_failed(Server& server, Bytes error) override;
  void on_synced(Server& server) override;
  bool tracks_state() const override { return mode == config::PoolMode::automatic; }
  void on_state_row(Bytes body) override;
  void on_state(Server& server, bool failed) override;
  bool on_notification(Server& server, Bytes frame) override;
  void on_server_lost(Server& server, Bytes error) override;
  bool can_go_on(const Server& without) const override;
  void on_batch_end() override;
  void on_retry(Server& server) override;
  bool runs_elsewhere(const Server& on, const wire::ErrorView& error) override;
  void on_elsewhere(Server& server) override;
  freshness::SessionMark* commit_mark() override;
  ClientStatements* statements() override { return &statements_; }
  std::string in_its_names(const Server& server, Bytes error) override;
  void on_parameter(std::string_view name, std::string_view value) override;
  bool delays_parameter(std::string_view parameter) override;
  bool delays_ready() const override { return restores_something() || tells_first_; }
  void on_early_ready(Server& given) override;
  std::size_t backlog() const override { return stream_ ? stream_->backlog() : 0; }
  void on_server_drained() override;
  std::uint32_t told_pid() const override { return pid; }
  bool had_temp() const override { return had_temp_; }

  // ---- called by the hub and by servers -----------------------------------------
  /// Gives the session a server it waited for.
  void link(Server& server);
  /// The session cannot have a server: says why, in protocol order, and goes on where it can.
  void refuse(const wire::ErrorFields& error);
  /// Ends the session with a FATAL error.
  void fail(std::string_view sqlstate, std::string_view message, std::string_view hint = {});
  void fail_raw(std::string error);
  /// Ends the session without a word.
  void leave(std::string_view why);
  /// The pool's node is of no use any more: chooses anew.
  void reroute();
  /// A login waited for a server for too long.
  void wait_ended();
  /// The pool has no connection, and only a login can bring one.
  void fail_cut_off();
  /// A server that judges this client's login.
  void relay_on(Server& judge);
  void relay_authentication(Bytes frame);
  void relay_accepted(Server& server);
  void relay_failed(Bytes error);
  /// An answer of auth_query.
  void on_secret(Result<std::optional<auth::StoredSecret>> answer);
  /// Cancels what the session runs or waits for; `done` when the request has had its effect.
  void cancel(std::function<void()> done);
  void resume_reading();
  void shutdown_notice();
  // By the listener of its database: it has the channels asked for; a notification; its side of the
  // fence; what may have been missed.
  void on_subscribed(bool ok, const std::string& fence, std::uint32_t round);
  void on_told(const Notification& what);
  void on_fence(std::uint64_t number);
  void on_listener_lost();
  void on_listener_back();

  Hub& hub;
  const std::uint32_t handle;  // among those of its worker
  std::uint32_t pid;           // what the client is told: `handle`, or its server's
  const pool::SessionId id;
  ListHook<Client> hook;  // in the hub's list for its state
  Instant connected{};
  Instant since{};  // of its state
  Instant last_request{};
  std::string secret;  // of BackendKeyData
  std::string user;
  std::string database_name;
  Pool* pool = nullptr;
  Server* server = nullptr;
  config::PoolMode mode = config::PoolMode::session;
  std::string_view route_reason;
  std::string_view pinned;  // why the server is kept between transactions; empty: it is not
  std::string tls_text;
  std::string replication;  // "", "physical" or "logical"
  Settings vars;            // what the client set
  Stream* stream() const { return stream_; }
  std::size_t prepared_count() const { return statements_.size(); }
  std::size_t inbox_size() const { return inbox_.capacity(); }
  std::string application_name() const;
  bool is_tls() const { return tls_ != nullptr; }
  bool in_line() const;
  /// It has no server, or has asked nothing of it yet.
  bool is_idle() const;
  Holds holds() const { return holds_; }
  ConsoleTalk* console() const { return console_.get(); }
  void join_line();
  void leave_line();

 private:
  /// Of what is known where it is used alone: specialised there.
  template <class Room>
  struct Deleter {
    void operator()(Room* room) const;
  };
  // client_startup.cpp
  void read_startup();
  bool startup_packet(const wire::StartupPacket& packet, std::size_t more);
  bool tls_request(std::size_t more);
  void begin_session(const wire::StartupPacket& packet);
  bool take_parameters(const wire::StartupPacket& packet);
  bool take_parameter(const std::string& parameter, const std::string& value,
                      std::vector<std::pair<std::string, std::string>>& settings);
  bool check_settings(const std::vector<std::pair<std::string, std::string>>& settings);
  bool tls_satisfies();
  // client_login.cpp
  void authenticate();
  void ask_secret();
  void challenge(auth::StoredSecret secret, std::optional<auth::ScramVerifier> derived);
  void on_password(Bytes body);
  void login_step(auth::Step step);
  void wrong_password();
  void authenticated();
  void open_console(bool admin);
  void start_relay();
  void open_dedicated(bool relay);
  bool is_on_standby() const;
  bool choose_pool();
  void greet();
  void admit(const Settings& parameters);
  bool console_allowed(bool& admin) const;
  void wrong_certificate();
  void remember_login();
  void use_stored_secret();
  Settings known_greeting();
  void keep_greeting(const Settings& parameters);
  void write_key(std::string& out) const;
  // client_pipeline.cpp
  void receive(Bytes bytes);
  void keep(Bytes bytes);
  void process_inbox();
  void read_passwords();
  std::size_t pump(Bytes in);
  std::size_t step(Bytes in);
  std::size_t message(Bytes in, const wire::Header& header);
  std::size_t copy_or_flush(Bytes in, const wire::Header& header);
  std::size_t pass(Bytes in, const wire::Header& header);
  std::size_t discard_frame(Bytes in, const wire::Header& header);
  std::size_t skip(Bytes in, const wire::Header& header);
  std::size_t sync(Bytes in, const wire::Header& header);
  std::size_t simple(Bytes in, const wire::Header& header);
  std::optional<std::size_t> takes_routed(Bytes in, const wire::Header& header);
  std::size_t end_refused(Bytes in, const wire::Header& header);
  std::size_t send_query(Bytes in, const wire::Header& header, bool has_undo);
  void expect_query(Bytes in, const wire::Header& header, bool has_undo);
  void flush();
  void begin_request();
  void after_message();
  bool may_release() const;
  void protocol_error(std::string_view what);
  // client_server.cpp
  bool acquire(Bytes in);
  void choose_again();
  void link_for_greeting();
  void finish_greeting(Server& given);
  void keep_server(Server& given);
  void tell_parameters(Server& given);
  void tell_changes(const Settings& now);
  void release_server();
  void batch_done(Server& given, char tx);
  // client_extended.cpp, client_prepared.cpp
  std::size_t extended(Bytes in, const wire::Header& header);
  bool has_to_wait(Bytes in, const wire::Header& header);
  bool waits_for_others(Bytes in, const wire::Header& header);
  std::size_t own_extended(Bytes in, const wire::Header& header);
  void open_own(Bytes in, const wire::Header& header);
  std::optional<std::size_t> own_unnamed(Bytes in, const wire::Header& header);
  void open_batch(const wire::Header& header);
  std::size_t translate(Bytes in, const wire::Header& header);
  bool without_server(Bytes in, const wire::Header& header);
  const std::string* own_name(const Server& given, std::uint32_t number) const;
  bool is_accepted(Statement& statement) const;
  bool hangs_on_outcome(Bytes in, const wire::Header& header) const;
  std::size_t wait_for_outcome();
  bool is_native(std::string_view given) const;
  std::size_t native(Bytes in, const wire::Header& header);
  std::size_t pin_and_pass(Bytes in, const wire::Header& header);
  StatementRef intern(std::string_view given, std::string_view content) const;
  std::size_t parse(Bytes in, const wire::Header& header);
  std::size_t parse_unnamed(Bytes in, const wire::Header& header, std::string_view content);
  bool note_bound(Statement& statement, std::string_view portal);
  std::size_t bind(Bytes in, const wire::Header& header);
  std::size_t bind_unnamed(Bytes in, const wire::Header& header, std::string_view portal,
                           wire::Fields rest);
  bool resets_by_null(const SetConfigs& calls, Bytes in, const wire::Header& header) const;
  std::size_t bind_rewritten(const wire::Header& header);
  bool own_resets_by_null(Bytes in, const wire::Header& header);
  std::size_t bind_unknown(Bytes in, const wire::Header& header, std::string_view given);
  std::size_t send_bind(Bytes in, const wire::Header& header, std::string_view portal,
                        std::string_view given, std::uint32_t number);
  std::size_t describe(Bytes in, const wire::Header& header);
  std::size_t close_statement(Bytes in, const wire::Header& header);
  bool is_of_sql(std::string_view given) const;
  void try_name(std::string_view given, std::string_view content);
  bool waits_for_columns(Bytes in);
  bool lacks_columns(std::string_view given);
  void prepare_apart(const StatementRef& statement, std::string_view given);
  bool has_other_columns(Bytes in, const StatementRef&, const ServerStatements::Item& item) const;
  const ServerStatements::Item* fresh(Hash128 hash);
  void retire(Hash128 hash);
  ServerStatements::Item prepare(const StatementRef& statement, Undo change, Reply reply);
  ServerStatements::Item ensure_prepared(const StatementRef& statement, const StatementUse& use);
  bool ensure_unnamed(const StatementUse& use, Reply reply = Reply::unnamed_hidden);
  void evict_prepared();
  void close_orphans();
  void poison(std::string_view sqlstate, std::string message, std::string_view routine = {});
  void unknown_statement(std::string_view given);
  // client_reading.cpp
  Hash128 key_of(const Statement& statement, bool anew = false) const;
  Settings parsed_under() const;
  void settle_reading(const SettingList* before = nullptr);
  void send_parse(std::string_view name, const Statement& statement, Reply reply, bool has_undo);
  // client_names.cpp, client_absent.cpp, client_refuse.cpp
  bool shares_names() const;
  struct BatchNames;
  bool look_at_batch(Bytes in);
  bool mixes_names(const sql::Script& script, std::span<const std::string_view> parsed) const;
  bool mixes_names(Bytes message, const wire::Header& header, BatchNames& batch);
  void keep_own_names();
  void keep_unnamed(bool at_once);
  std::string reading_of(const Statement& statement, const SettingList* under) const;
  void prepare_own(std::string_view name, Statement& statement, const SettingList* under);
  void parse_apart(std::string_view name, std::string_view content, const std::string& settings,
                   std::optional<Undo> absent);
  std::optional<std::size_t> own_absent(Bytes in, const wire::Header& header);
  void try_absent(const StatementRef& statement, const StatementUse& use);
  bool waits_to_refuse(Bytes in, const wire::Header& header) const;
  bool lacks_for_good(Statement& statement, bool is_named) const;
  bool refuses_bind(const StatementRef& statement, std::string_view given, wire::Fields rest);
  Undo undo_for(Statement& statement, const StatementUse& use) const;
  bool describes_itself(const StatementRef& statement, std::string_view given);
  // client_retry.cpp, client_again.cpp
  void keep_for_retry(Bytes in, const wire::Header& header);
  void keep_for_elsewhere(Bytes batch);
  bool may_repeat(const Server& on) const;
  bool is_between(const Server& on) const;
  bool has_not_begun(const Server& on) const;
  void deliver_repeatable(Out& out);
  void keep_shown(Bytes segment);
  void deliver_apart();
  bool goes_on_elsewhere(Server& lost, bool silent);
  void put_back(Server& from);
  void restore_names(Server& from);
  void keep_name(std::string_view given);
  void again_later();
  void again();
  // client_route.cpp
  struct Parsed;
  struct Routing;
  class Survey;
  struct Keeping;
  Routing& routing();
  bool is_routed() const;
  const Routing& wishes();
  std::string wrong_setting(const sql::Script& script, std::string_view text) const;
  bool reads_instead(Bytes in, const wire::Header& header);
  static std::string_view instead_of(std::string_view text);
  bool own_setting(Bytes in, const wire::Header& header);
  route::RuleMask session_rules();
  void take_hint(const Survey& survey, route::Ask& ask);
  std::string peer_address() const;
  route::Decision decide(Bytes in, bool open, Survey& survey);
  void choose_node(Bytes in);
  route::Decision decide_on_primary(Bytes in, Survey& survey);
  bool has_to_lead(const Survey& survey) const;
  void look_at_node_again();
  void move_to(std::uint32_t node);
  bool in_block() const;
  bool look_at_part(Bytes in, const wire::Header& header);
  bool may_stay(Bytes in);
  bool fits_here(const Survey& survey) const;
  bool moves_on(const Survey& survey, const route::Decision& decision);
  void stay_for(const Survey& survey, const route::Decision& decision);
  void note_decision(const Survey& survey, const route::Decision& decision);
  bool has_server(Bytes in);
  // client_block.cpp
  bool in_held_block() const;
  bool answers_control(Bytes in, const wire::Header& header);
  bool holds_back(const sql::Statement& statement, std::string_view text);
  bool ends_held_block(const sql::Statement& statement);
  void answer_control(std::string_view tag, char status);
  void begins_on_standby(const Survey& survey);
  bool is_movable(bool again) const;
  char own_status() const;
  void send_held_begin();
  void block_ended();
  bool leave_standby(const route::Decision& decision, const Survey& survey);
  void refuse_here(std::string_view sqlstate, std::string_view message);
  bool bears_with_it(const route::Decision& decision, const Survey& survey);
  bool ends_elsewhere();
  void look_again_later();
  // client_writes.cpp
  void account_query(Bytes in, const wire::Header& header);
  void account_bind(const Statement& statement);
  void account_own(Bytes in, const wire::Header& header);
  void account_parse(Bytes in, const wire::Header& header);
  void parses_unseen();
  bool take_parsed(std::string_view text);
  void parse_anew();
  void note_group();
  void take_profile(const sql::ScriptRef& script);
  void note_profile(const Server& given);
  bool odd_strings();
  const std::string* executed_text(const std::string& name, const sql::Script& script) const;
  void account_unseen();
  void account_everything();
  void account_execute(const std::string& name, const sql::Script& script);
  void account(const sql::ScriptRef& script, std::string_view text);
  // client_forget.cpp
  enum class Forget { no, answered, all };
  Forget forget(Bytes frame);
  bool forget_one(const std::string& name);
  void answer_forgotten(std::string_view tag);
  void will_forget(std::string_view portal);
  std::size_t execute(Bytes in, const wire::Header& header);
  void remember_forgotten();
  void expect_forgetting(std::string_view text);
  // client_state.cpp
  struct Tracking;
  Tracking& tracking();
  sql::Effects open_effects() const;
  std::string_view hold_reason() const;
  void hold_server(Holds why);
  void tell_hold();
  Holds sure_hold(sql::Effects effects) const;
  bool refuses(const sql::Script& script) const;
  void refuse_statement(const sql::Script& script);
  enum class Way { go, wait, refused };
  Way look_at_query(Bytes in, const wire::Header& header);
  bool look_at_bind(Bytes in, const wire::Header& header);
  bool make_way(sql::Effects effects, bool mixes);
  bool may_change_server() const;
  void change_server();
  void note_parse(Bytes in, const wire::Header& header);
  void find_script(Statement& statement) const;
  void note(const sql::Script& script);
  void note_rare(const sql::Script& script);
  void note_objects(const sql::Script& script);
  void note_sequences(sql::Effects effects);
  void let_sequence_go();
  bool minds_sequences(sql::Effects effects) const;
  void note_setting(const std::string& written);
  void note_reading(const sql::Script& script);
  void note_execute(const std::string& name);
  bool state_is_known();
  void ask_state();
  void adopt_settings(Server& given);
  void hold_for_settings(const Server& given, const SettingList& now);
  void adopt_holds(Server& given);
  bool ends_for_hold();
  // client_restore.cpp
  void note_resets(std::span<const sql::Statement> statements);
  void note_block(std::string_view text, const sql::Script& script);
  void ask_in_block(Server& given);
  void answered_in_block(Server& given);
  void set_again(Server& given);
  const std::string* local_reset(const sql::Statement& statement) const;
  void forget_resets();
  bool may_reset() const;
  bool restores_something() const { return restore_ != Restore::none; }
  bool waits_for_restore(const wire::Header& header) const;
  bool is_taken_back(const std::string& name, const std::string* now);
  bool restores(Server& given, char tx);
  bool restores_in_block(Server& given);
  bool runs_restore(Server& given, char tx);
  void restored(Server& given, char tx);
  void restore_startup();
  void try_release();
  void leave_state(Server& held);
  bool state_is_lost() const;
  // client_cut.cpp
  void note_ending(std::string_view portal, Statement& statement);
  bool may_cut() const;
  void cut_behind_block(std::string_view portal, Bytes rest);
  void cut_batch(Bytes rest);
  bool ends_cut(Server& given);
  // client_mend.cpp
  void note_portal(std::string_view portal, const sql::ScriptRef& script);
  std::unique_ptr<OwnName> note_own(std::string_view name, std::string_view text);
  void expect_own_parse(Undo change, Bytes in, const wire::Header& header);
  void note_own_bind(Bytes in);
  std::vector<std::string> mending(const sql::Statement& statement) const;
  void mend(std::string_view portal, Bytes rest);
  bool reads_as_server(std::string_view text);
  void mend_before(const wire::Header& header);
  void send_mending();
  bool mends_query(Bytes in, const wire::Header& header, bool has_undo);
  bool send_mended(Bytes in, const std::vector<sql::Statement>& statements,
                   const wire::Header& header, bool has_undo);
  // client_listen.cpp
  struct Listening;
  bool listens_elsewhere() const;
  bool moves_channels() const;
  void at_listener(std::function<void(Listener&)> work);
  void adopt_channels(const std::vector<std::string>& channels);
  void forget_channels();
  void settle_unlistened(bool failed);
  void unsubscribe(std::vector<std::string> channels);
  void leave_listener();
  void move_channels_out();
  void look_again();
  void send_fence();
  std::string fence_sql();
  void ask_channels(const std::string& sql);
  void go_on_moving(const std::vector<std::string>& channels);
  void stop_moving();
  bool end_move();
  bool takes_channels_back(sql::Effects effects);
  void ask_back();
  void ask_again();
  void note_channels(const sql::Script& script);
  void deliver_kept();
  // client.cpp
  void end(ClientEvent event);
  void lost_statement(Server& lost);
  void end_cancel_wait(bool send);

  ClientState state_ = ClientState::start;
  Stream* stream_;
  std::string inbox_;            // read, not yet handled
  std::uint64_t body_left_ = 0;  // of a message passed on in parts
  bool body_discard_ = false, reading_paused_ = false;
  bool stalled_ = false;                  // until the server owes nothing
  bool admin_ = false, counted_ = false;  // in Shared::clients
  bool tls_asked_ = false, direct_tls_ = false;
  bool asked_ = false;  // anything of a server
  pool::Ticket ticket_;
  Instant wait_start_{};
  std::unique_ptr<pool::HeldPlace> held_;  // null: there is a node for it
  route::Wanted wanted_ = route::Wanted::primary;
  ClientStatements statements_;
  std::unique_ptr<std::string> forgetting_;  // a portal whose execution forgets all statements
  std::uint32_t life_ = 0;                   // counts DISCARD ALL
  sql::Effects effects_ = 0;                 // of what it sent since the server's state was known
  Holds holds_ = 0;                          // what keeps it on its server; see `pinned`
  std::uint8_t new_servers_ = 0;             // that it asked for; see make_way()
  bool pin_told_ = false, looks_again_ = false;  // try_release() is scheduled
  bool had_temp_ = false;                        // temporary objects
  bool names_in_sql_ = false;  // a statement of the protocol names statements of SQL
  Reading reading_;
  enum class Restore : std::uint8_t { none, wanted, asked, asked_in_block, running };
  Restore restore_ = Restore::none;  // of what the login asked for, behind a RESET
  bool tells_first_ = false;         // what a RESET changed, before the next ReadyForQuery
  bool cut_ = false;                 // the rest of the batch waits for it
  bool odd_strings_ = false;         // string literals may be read otherwise than usual
  Settings startup_vars_;            // what it asked for at its login
  std::unique_ptr<Tracking, Deleter<Tracking>> tracking_;
  std::unique_ptr<Listening, Deleter<Listening>> listening_;  // null: it never said LISTEN
  Repeated again_;
  std::unique_ptr<Routing, Deleter<Routing>> routing_;  // null: nothing of it was routed yet
  std::uint32_t batch_bytes_ = 0;                       // of the batch that was planned
  bool splits_ = false;                                 // reads may go elsewhere than writes
  bool reads_elsewhere_ = false;   // it has, or waits for, a server for reads alone
  bool planned_ = false;           // what comes next may run there
  bool only_primary_ = false;      // until the transaction's end
  bool in_parts_ = false;          // the batch that is open was not here whole
  bool begins_ = false;            // what is owed may begin a transaction block
  bool refused_ = false;           // what comes next; its error is on its way
  std::uint8_t tries_ = 0;         // of that batch
  bool settings_changed_ = false;  // a server reported a change since the greeting
  std::unique_ptr<std::vector<std::function<void()>>> cancels_;  // behind hidden statements
  Settings told_;          // parameters as the client knows them
  Settings odd_of_;        // those of them that were looked at for
  bool odd_told_ = false;  // standard_conforming_strings = off
  std::unique_ptr<TlsInfo> tls_;
  struct Login;
  std::unique_ptr<Login> login_;  // until admitted
  std::unique_ptr<ConsoleTalk> console_;
};

}  // namespace heim::session
