// One server connection: its login, the answers it owes, and the way back to the pool.
//
// It goes back only when no answer is owed, the last ReadyForQuery said 'I', no COPY is open, no
// message is half sent, and no cancel request for it is under way. Otherwise it is cleaned, or
// closed.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "auth/server_login.hpp"
#include "base/clock.hpp"
#include "base/list.hpp"
#include "base/stream.hpp"
#include "freshness/ledger.hpp"
#include "session/absent.hpp"
#include "session/expected.hpp"
#include "session/out.hpp"
#include "session/settings.hpp"
#include "session/statements.hpp"
#include "session/states.hpp"
#include "wire/encoder.hpp"
#include "wire/framer.hpp"

namespace heim::session {

class Client;
class Hub;
class Server;
struct Pool;

/// Who uses a server: a client session, or an inquiry of ours.
class Holder {
 public:
  virtual ~Holder() = default;
  /// Bytes for the holder, borrowed until return.
  virtual void deliver(Out& out) = 0;
  /// ReadyForQuery came and nothing is owed. `tx` is its status. May give the server back.
  virtual void on_ready(Server& server, char tx) = 0;
  /// ReadyForQuery came, and more is owed.
  virtual void on_batch_end() {}
  /// The batch in Server::kept failed without any effect, and its ReadyForQuery came: it can be
  /// sent again.
  virtual void on_retry(Server&) {}
  /// Whether the batch in Server::repeatable is run on another node, where this one says `error`.
  virtual bool runs_elsewhere(const Server&, const wire::ErrorView& /*error*/) { return false; }
  /// Its ReadyForQuery came: it can be run there.
  virtual void on_elsewhere(Server&) {}
  /// The hidden statements that adapt the server to the holder failed. `error` is a whole
  /// ErrorResponse.
  virtual void on_sync_failed(Server& server, Bytes error) = 0;
  /// The hidden statements that adapt the server to the holder are done.
  virtual void on_synced(Server&) {}
  /// Whether the holder asks the server for what its statements did to the session.
  virtual bool tracks_state() const { return false; }
  /// A row of the answer: the body of a DataRow.
  virtual void on_state_row(Bytes /*body*/) {}
  /// The answer is complete.
  virtual void on_state(Server&, bool /*failed*/) {}
  /// The server is gone; the holder has it no more. `error` is the server's last ErrorResponse, or
  /// empty.
  virtual void on_server_lost(Server& server, Bytes error) = 0;
  /// Whether nobody would notice if the server were taken away now.
  virtual bool can_go_on(const Server&) const { return true; }
  /// The prepared-statement maps, if the holder has such.
  virtual ClientStatements* statements() { return nullptr; }
  /// An ErrorResponse that speaks of a statement by our name for it, with the holder's name
  /// instead. Empty if there is nothing to change.
  virtual std::string in_its_names(const Server&, Bytes /*error*/) { return {}; }
  /// A reported parameter changed by the holder's own doing.
  virtual void on_parameter(std::string_view /*name*/, std::string_view /*value*/) {}
  /// A NotificationResponse, whole. Whether the holder wants it delivered.
  virtual bool on_notification(Server&, Bytes /*frame*/) { return true; }
  /// Whether the holder itself tells its client of parameters that change now, once it knows.
  virtual bool delays_parameter(std::string_view /*name*/) { return false; }
  /// Whether the holder itself tells its client that the server is ready.
  virtual bool delays_ready() const { return false; }
  /// One that is shown all the same, as more batches follow, comes next.
  virtual void on_early_ready(Server&) {}
  /// Bytes the holder has not taken yet: above a bound the server is not read.
  virtual std::size_t backlog() const { return 0; }
  /// The server has taken all that was written to it.
  virtual void on_server_drained() {}
  /// The process the holder believes to talk to.
  virtual std::uint32_t told_pid() const { return 0; }
  /// Whether it had temporary objects, here or elsewhere: a session keeps their schema.
  virtual bool had_temp() const { return false; }
  /// Where the positions of its own commits are kept; null: it does not ask for them.
  virtual freshness::SessionMark* commit_mark() { return nullptr; }
};

class Server final : public StreamHandler {
 public:
  Server(Hub& hub, Pool& pool, std::uint64_t id);
  ~Server() override;

  // ---- life -----------------------------------------------------------------
  /// Connects and logs in.
  /// `owner`: the client it is opened for, if it is for one. `relay`: that client's messages answer
  /// the server's challenges.
  void open(Client* owner, bool relay);
  /// Ends it: tells the holder, frees the slot. Safe from anywhere; the object dies later.
  void discard(std::string_view why, Bytes error = {});
  void apply(ServerEvent event);
  ServerState state() const { return state_; }

  // ---- use ------------------------------------------------------------------
  /// Links to a holder that has `wanted` as its parameters. Messages that adapt the server go to
  /// `out` first. `life`: a holder that has another one than before knows nothing of what it left.
  void take(Holder& holder, std::uint64_t holder_id, std::uint32_t life, const Settings& wanted,
            Out& out);
  /// The holder is done or gone. Gives back, cleans or closes as the state demands.
  /// `untouched`: it ran nothing of the holder's.
  void release(bool untouched = false);
  /// Whether release() would put it back without further ado.
  bool is_clean() const;
  void expect(Reply reply, bool has_undo = false) {
    expected_.push(reply, has_undo);
    prepared.batch += ends_at_ready(reply);
    if (reply == Reply::query || reply == Reply::execute) copy_end_sent_ = false;
  }
  /// Statements of ours in the client's text: which ones, and where they stand.
  struct Mended {
    struct Part {
      std::uint32_t number;    // among all statements of the text
      std::uint32_t at, size;  // characters: where it stands in the client's text, its own
    };
    std::vector<Part> parts;
    std::uint32_t done = 0;  // statements that are answered
  };
  /// The query expected last has such.
  void expect_mended(Mended mended) {
    expected_.mark_mended();
    mended_.push_back(std::move(mended));
  }
  /// A change that the message expected next makes, of the batch that is open.
  void remember(Undo change) {
    change.batch = prepared.batch;
    undo.push_back(std::move(change));
  }
  /// The client's Sync goes to the server next. A COPY that waits for data swallows it.
  void expect_sync();
  /// The client's CopyDone or CopyFail goes to the server next.
  void copy_end_sent() { copy_end_sent_ = true; }
  /// A Sync of ours.
  void sync_hidden(Out& out);
  /// Has the batch fail here. `error`: the whole ErrorResponse that its holder gets.
  void fail_batch(std::string error, Out& out);
  /// What columns a statement has whose Parse went out last. `name`: the client's, where it is the
  /// client's Parse; or empty.
  void ask_columns(const StatementRef& statement, const ServerStatements::Item& item,
                   const std::string& name, Out& out);
  /// Emits answers made here whose turn it is (see Reply::parse_made).
  void emit_made(Out& out);
  /// A statement of ours in the midst of a batch. If it fails, the batch does.
  void run_hidden(std::string_view sql, Out& out);
  /// One of ours before a batch, see `apart`.
  void run_apart(std::string_view sql, Out& out);
  /// To heim_names, which is gone then.
  void back_to_savepoint(Out& out);
  /// What was asked apart is answered. If it failed, so does the batch. True if that takes longer.
  bool ends_apart(Out& out);
  /// A hidden simple query in front of what follows.
  void ask(std::string_view sql, Out& out, Reply reply = Reply::query_hidden);
  /// What a client is told of `parameters`. `split`: one that reads here and writes elsewhere.
  const Settings& parameters_for(bool split);
  /// Whether it knows itself what became of a new name: it has been asked for it.
  bool has_added(const Undo& change) const {
    return change.server_added && !change.before && prepared.has(change.item);
  }
  /// Nothing of what was sent counts.
  void take_back_all();
  void take_back_all(Holder& former);
  /// Brings it from `vars` to `wanted`, ahead of what follows.
  void adapt(const Settings& wanted, Out& out);
  /// Gives its process the schema of temporary objects, which it keeps.
  void make_temp_schema(Out& out);
  /// What others did to sequences here is nobody's business.
  void forget_sequences(Out& out);
  void forgot_sequences() {
    sequence_owner = 0;
    sequences_mixed = false;
  }
  /// By a statement amid the batch that is open: if that fails, it may not have come to it.
  void forgets_sequences() {
    forgot_sequences();
    forgets_sequences_ = true;
  }
  void advances_sequence(std::uint64_t whose) {
    sequences_mixed |= sequence_owner != 0 && sequence_owner != whose;
    sequence_owner = whose;
  }
  bool has_foreign_sequences(std::uint64_t whose) const {
    return sequences_mixed || (sequence_owner != 0 && sequence_owner != whose);
  }
  /// What its session is now, as the server itself said.
  void adopt(Settings now);
  void write(Out& out);
  /// Asks the server whether it is still there; it comes back to the pool by itself.
  void check();
  /// Time passed while it is being cleaned.
  void clean_late(Duration limit);
  /// Its holder leaves session state that cannot be tracked: gone before another holder has it.
  void pin();
  /// Likewise, and gone as soon as the holder is: locks and temporary tables are not kept waiting.
  void reset_at_once() { reset_now_ = true; }
  /// Handed to another worker.
  void leave_hub();
  void join_hub(Hub& next, Pool& next_pool);
  /// Whether it is unknown how many answers are due; ask_certainty() ends that.
  /// The batch in `kept` is to be sent again: nothing may overtake it.
  bool will_retry() const { return retry_ || elsewhere_; }
  bool is_uncertain() const { return uncertain_; }
  /// Asks for an answer that cannot be mistaken for that to a Sync. Only between messages.
  void ask_certainty();
  /// Answers a relay client's login message.
  void relay_password(Bytes message);

  // ---- what the ledger is told (server_writes.cpp) ----------------------------
  /// What is sent next writes these.
  void note_writes(std::span<const freshness::TableId> tables);
  /// `ends`: what is sent next may end the transaction block, if one is open. Before it is sent.
  /// What was written may be seen from then on, unless it is sure to stay in that block.
  void announce(bool ends);
  /// What is sent next takes back what was written, if anything.
  void announce_rollback() {
    in_block_ = false;
    rolls_back_ = true;
  }
  void note_group(freshness::TableId group);
  void account_unseen();
  /// What waited here for the fleet to hear of a commit: it has.
  void go_on();
  /// Bytes on their way to the server, or held back here.
  std::size_t backlog() const { return held_.size() + (stream ? stream->backlog() : 0); }
  /// What was kept to run it again elsewhere.
  void forget_batch() {
    repeatable.clear();
    shown_already.clear();
    renamed.clear();
  }

  // ---- StreamHandler --------------------------------------------------------
  void on_connected(Stream& stream) override;
  void on_bytes(Stream& stream, Bytes bytes) override;
  void on_tls(Stream& stream, const TlsInfo& info) override;
  void on_drained(Stream& stream) override;
  void on_end(Stream& stream, const StreamEnd& end) override;

  // ---- cancel ---------------------------------------------------------------
  void cancel_started() { ++cancels_; }
  void cancel_finished();

  // ---- facts ----------------------------------------------------------------
  bool owes() const { return !expected_.empty(); }
  bool in_transaction() const { return tx_ != 'I'; }
  bool in_failed_transaction() const { return tx_ == 'E' && !recovers_; }
  Holder* holder() const { return holder_; }
  Client* relay() const { return relay_; }
  /// Half of a message went to the holder.
  bool in_message() const { return body_left_ > 0 && body_forward_; }
  std::size_t owed() const { return expected_.size(); }
  /// The hidden statements that adapt it to its holder are not answered yet.
  bool adapts() const {
    return !expected_.empty() && (apart || is_hidden_query(expected_.front().reply));
  }
  /// All that its holder asked is answered, but for what its state is.
  bool owes_probe_alone() const {
    return expected_.size() == 1 && expected_.front().reply == Reply::probe;
  }
  /// Whether an answer is owed that is not to a simple query of ours.
  bool owes_client() const;
  /// Whether what is owed may run a statement: the transaction may end with it.
  bool may_run_something() const;
  /// A batch or query of the client's that was sent before the one at hand is not answered yet.
  bool owes_earlier() const;
  /// One ReadyForQuery and what comes before it are all that is owed to the client, and were asked
  /// for whole.
  bool owes_one_batch() const;
  void forget_relay() { relay_ = nullptr; }

  Hub* hub;  // of the worker it lives on; changes when it is handed over
  Pool* pool;
  const std::uint64_t id;
  Stream* stream = nullptr;
  ListHook<Server> hook;  // in the pool's list for its state
  Instant born{};
  Instant since{};          // of its state
  Instant last_use{};       // when a holder last had it
  Instant checked{};        // when server_check_query last ran
  Instant request_start{};  // of the running batch; zero if none
  Instant transaction_start{};
  std::uint32_t backend_pid = 0;
  std::string backend_secret;
  std::string peer;  // address, for SHOW
  std::string tls_text;
  std::uint64_t transactions = 0;
  std::uint64_t holder_id = 0;       // of the last holder
  std::uint64_t sequence_owner = 0;  // of the last one that may have advanced a sequence here
  bool sequences_mixed = false;      // others have, too, and nobody made it forget since
  std::uint32_t holder_life = 0;     // and which of its lives
  bool used = false;                 // by a holder that gave it back
  bool has_temp_schema = false;      // somebody had temporary objects here
  bool close_when_idle = false;
  bool read_paused = false;
  bool dedicated = false;     // for one client alone (replication); never pooled
  std::uint32_t unsent = 0;   // bytes of a message to the server that the client still owes
  bool batch_open = false;    // extended messages without Sync
  bool apart = false;         // all that is owed was asked before a batch of its holder begins
  std::string apart_error;    // what came of it
  bool skipping = false;      // after an error: the server ignores all up to Sync
  bool error_seen = false;    // since its holder took it, or asked for its state
  bool batch_failed = false;  // the last one that was answered
  std::uint64_t rows = 0;     // that its last statement counted, where somebody asks for that
  Settings parameters;        // as reported
  Settings split_parameters, split_of;
  Settings vars;  // as set by us for the last holder; null: unknown
  ServerStatements prepared;
  std::deque<Undo> undo;
  std::vector<std::uint32_t> orphans;  // statement numbers to close when convenient
  // Names taken back that messages already sent may use: its errors about them speak of ours.
  std::vector<std::pair<std::uint32_t, std::string>> lost_names;
  Absent absent;
  std::string hidden_error;  // what the last probe that failed was told
  std::string kept;          // the batch under way as the client sent it, if it may be retried
  bool may_change_objects = false;  // what it runs, until that is over
  std::string repeatable;  // the batch under way, a read that another node can answer; or empty
  std::vector<std::pair<std::string, StatementRef>> renamed;  // by it: what names stood for before
  std::string shown_already;                                  // of its answer
  std::deque<std::string> poisons;  // whole ErrorResponses for Reply::poison, in order
  std::vector<std::pair<std::string, std::string>> startup_extra;  // dedicated: the client's own

 private:
  // login (server_login.cpp)
  void begin_login();
  void on_tls_answer(Bytes bytes);
  void login_message(const wire::Header& header, Bytes frame);
  void login_authentication(Bytes frame);
  void login_ready();
  bool retry_with_tls();
  bool reconnect();
  // answers (server_reply.cpp)
  void feed(Bytes bytes);
  std::size_t feed_carry(Bytes bytes);
  std::size_t frame(Bytes bytes);
  bool reply(const wire::Header& header, Bytes body, bool whole);
  bool on_simple(const wire::Header& header, Bytes body, bool whole);
  bool on_error(Bytes frame);
  bool is_mended() const { return !expected_.empty() && expected_.front().mended; }
  bool is_ours(std::uint8_t tag) const;
  bool shows_ready();
  bool hides_part() const;
  bool shows_place(Bytes frame);
  bool shows_error(const wire::ErrorView& error, Bytes frame);
  bool can_retry() const;
  bool goes_elsewhere(const wire::ErrorView& error);
  bool on_extended_error(const wire::ErrorView& error, Bytes frame);
  std::string instead_of(const wire::ErrorView& error, Bytes frame) const;
  bool on_ready(Bytes body);
  bool fails_apart(Bytes frame);
  void begins_behind();
  bool on_uncertain_ready(char status);
  bool on_complete(Bytes body);
  bool on_copy(std::uint8_t tag);
  void settle_copy();
  void see_end_of_copy(std::uint8_t tag);
  bool tells_end_of_copy() const;
  bool on_parameter(Bytes body);
  bool on_notification(Bytes frame, bool whole);
  void hidden_row(Bytes body, bool whole);
  bool on_parse_complete(Reply front);
  bool pop_if(Reply reply, Reply hidden);
  void confirm(const Expected::Entry& entry);
  void accepted(Statement& statement, const ServerStatements::Item& item, std::uint64_t columns);
  bool on_described(std::uint8_t tag, Bytes body, bool whole);
  void told_columns(const Undo& change);
  void take_back(const Undo& change, bool with_unnamed);
  void take_back_added(const Undo& change);
  void unnamed_failed();
  void drop_lenient_parse(Bytes error);
  void pass_on_unnamed(std::size_t count, bool gone);
  bool has_statements() const;
  void forgot_perhaps(bool refused);
  void drop_batch();
  void on_tag(std::string_view tag, bool forgotten);
  bool streams() const;
  bool note_notice();
  std::string_view why_unfit() const;
  Reply next_due() const;
  bool has_audience() const;
  bool gathers(const wire::Header& header) const;
  void end_message();
  void settle();
  void settle_login();
  void settle_held();
  void settle_ready();
  bool violate(std::string_view what);
  void set_status(char status);
  bool is_announced() const;
  bool withholds(Bytes bytes);
  bool holds_back(const Out& out);
  void send_held();
  bool announces_objects() const;
  bool sees_old_objects() const;
  void write_everything();
  bool is_in_flight(freshness::TableId table) const;
  void stand_for_all();
  void end_writes(freshness::Outcome outcome);
  // cleaning (server_clean.cpp)
  void start_cleaning();
  void continue_cleaning();
  void continue_cleaning(Out& out);
  bool reset(Out& out);
  void finish_clean();
  void send_cleaning(Out& out);
  void resync(Out& out);

  bool in_block_ = false;               // what is sent next runs in a transaction block, for sure
  bool rolls_back_ = false;             // what was sent last
  freshness::TableId write_group_ = 0;  // of who writes; 0: in none
  std::uint64_t objects_version_ = 0;   // of the catalogs, when the transaction wrote first
  freshness::WriteSet writes_;          // of the open transaction, that nobody else can see yet
  std::vector<freshness::CommitTicket> tickets_;  // of what somebody may see already
  std::string withheld_;                          // of its answer; it is not read meanwhile
  std::string held_;                              // of what is asked, behind a change of objects
  std::uint64_t objects_commit_ = 0;              // that change; 0: none
  ServerState state_ = ServerState::connecting;
  Holder* holder_ = nullptr;
  Client* relay_ = nullptr;  // the client it is opened for
  bool judging_ = false;     // and whose login it judges
  std::uint64_t tried_ = 0;  // of the pool's secrets, in the login
  Expected expected_;
  std::unique_ptr<auth::ServerLogin> login_;
  std::string endpoint_hash_;
  std::string carry_;            // an incomplete message kept from the last read
  std::uint64_t body_left_ = 0;  // of a message that is passed on in parts
  bool body_forward_ = false;
  bool recovers_ = false;  // what ends a failed transaction, or part of it, has run since
  char tx_ = 'I';
  std::vector<Mended> mended_;
  std::uint32_t cancels_ = 0;
  bool copy_in_ = false;
  bool copy_extended_ = false;
  bool copy_end_sent_ = false;    // CopyDone or CopyFail went out since the last statement
  std::uint32_t copy_syncs_ = 0;  // Syncs the open COPY swallows, unless it fails before them
  // It failed: so many ReadyForQuery may come, or none, before the next answer of another kind.
  bool uncertain_ = false;
  bool reset_needed_ = false;  // session state that only DISCARD ALL removes
  std::uint64_t links_ = 0;    // how often it was taken
  bool reset_now_ = false;     // see reset_at_once()
  bool set_seen_ = false;      // a SET whose effect is not in `vars`
  bool sync_failed_ = false;
  std::uint64_t columns_ = 0;  // that were told last, of those we asked for
  std::string types_;          // of the parameters
  bool undone_ = false;        // what had failed apart
  bool probed_ = false;        // the answer about its state is complete in this chunk
  bool probe_failed_ = false;
  bool force_tls_ = false;
  bool tried_tls_ = false;
  bool plain_only_ = false;
  bool logged_in_ = false;  // in this chunk
  bool retry_ = false;      // the batch in `kept` failed and shall be sent again
  bool elsewhere_ = false;  // that in `repeatable`, to another node
  bool failing_ = false;    // the batch that is being answered
  bool forgets_sequences_ = false;
  std::uint32_t completed_ = 0;  // statements of the query that is being answered
  bool ready_seen_ = false;      // and the holder has not heard of it
  bool reset_done_ = false;      // in this cleaning
  bool rolled_back_ = false;     // in this cleaning
  bool cancel_sent_ = false;     // in this cleaning
  bool made_after_ = false;      // answers made here may be due after this message
  std::string last_error_;       // FATAL from the server
  std::string sync_error_;       // of the hidden statements
  std::string made_scratch_;
};

}  // namespace heim::session
