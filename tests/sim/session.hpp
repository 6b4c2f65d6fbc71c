// What a PostgreSQL backend does with the messages of one session after login, without time or
// wires.
//
// The same class serves twice: inside a simulated server, where each step takes virtual time; and
// inside a client's oracle, where it foretells the answer to what the client sent. Messages go in
// by receive(); step() does the next small piece of work and appends what the backend would send.
// Files: session.cpp (messages and errors), session_extended.cpp, session_run.cpp (statements),
// session_functions.cpp, session_tables.cpp (shared tables, savepoints), session_transaction.cpp.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "gucs.hpp"
#include "statement.hpp"

namespace heim::sim {

struct Write {
  std::string tag, key, value, table;
};

/// What a statement sees of the committed data. Only the host knows what the number stands for.
using Snapshot = std::uint64_t;

/// What a database says that is asked for its catalog.
std::vector<std::vector<std::string>> catalog_rows();

/// What a session needs of the world around it. Every call has a meaning for the oracle too.
class SessionHost {
 public:
  virtual ~SessionHost() = default;
  virtual void on_started(const Statement&, const std::string& /*tag*/, std::uint64_t /*block*/) {}
  virtual void on_block_begun(const std::string& /*tag*/, std::uint64_t /*block*/) {}
  virtual void on_cancelled(const std::string& /*tag*/) {}
  virtual void on_commit(const std::vector<Write>&) {}
  virtual void on_abort(const std::vector<Write>&) {}
  virtual std::string read(const std::string& /*key*/) { return {}; }
  virtual bool read_only() { return false; }
  /// A write was refused because this server is a standby.
  virtual void on_refused(const std::string& /*tag*/) {}
  virtual Snapshot take_snapshot() { return 0; }
  /// The tag of the newest write of a shared table.
  virtual std::string newest(const std::string& /*table*/, Snapshot) { return {}; }
  /// Recovery wants the running read out of its way.
  virtual bool conflicts() { return false; }
  virtual std::string wal_position(const std::string& /*function*/) { return {}; }
  /// How often the shape of table "shape" has changed.
  virtual std::uint64_t schema() { return 0; }
  virtual void alter() {}
  virtual void listen(const std::string& /*channel*/, bool /*on*/) {}
  virtual void notify_all(const std::string& /*channel*/, const std::string& /*payload*/) {}
};

/// A statement being run, and where it stands.
struct Run {
  Statement statement;
  std::vector<std::string> arguments;
  std::string tag;
  std::uint32_t rows = 0, sent = 0;
  std::uint64_t shape = 0;  // schema() when it was bound
  Snapshot snapshot = 0;
  bool started = false, done = false;
};

struct Prepared {
  std::optional<Statement> statement;  // empty: an empty query
  std::string text;
  std::uint64_t shape = 0;
  bool from_sql = false;
};

struct Portal {
  std::optional<Run> run;
  bool described_empty = false;
};

class Session {
 public:
  enum class Progress {
    worked,  // something was done; there may be more
    wants,   // nothing to do before the next message
    ended,   // Terminate, or a FATAL: nothing comes any more
  };
  Session(SessionHost* host, Gucs gucs);

  /// `stamp`: what the sender knows by; see stamp().
  void receive(char tag, std::string_view body, std::uint64_t stamp = 0);
  /// Does the next piece of work. Appends to `out`; `flush` is set if what was made so far must go
  /// out, and `work` is how long the piece takes (the caller must not step again earlier).
  Progress step(std::string& out, bool& flush, Duration& work);
  /// A cancel request has come. Does nothing while no statement runs.
  void cancel();
  /// Fails whatever is being answered with an error from elsewhere, which is not written: see
  /// Oracle.
  void fail_here();
  /// As if the server had lost the transaction; what follows starts outside of one.
  void lose_transaction();
  /// Forgets messages at the front that are never answered in this state (leftovers of COPY, what
  /// an error skips).
  void drop_silent();
  /// Everything received was answered, or a COPY waits for data.
  bool quiet() const {
    return messages_.empty() && (mode_ == Mode::copy_in || (mode_ == Mode::ready && !simple_open_));
  }
  bool on_shape() const {
    return !run_.statement.calls.empty() && run_.statement.calls[0].function == "shape";
  }
  /// What runs reads shared tables.
  const Run& run_of_tables() const { return run_; }
  bool on_tables() const { return run_.statement.verb == Verb::read_tables; }
  /// The stamp of the message at work.
  std::uint64_t stamp() const { return stamp_; }
  bool in_read_only_block() const { return block_ && read_only_; }
  /// The server became a standby, or is none any more: reported with the next ReadyForQuery.
  void set_in_recovery(bool on) { gucs_.set_fixed("in_hot_standby", on ? "on" : "off"); }
  /// The running statement shows a parameter that servers do not report.
  bool on_unreported_setting() const;
  /// Parse is answered even in a failed transaction: by one who knows the statement to be good.
  void allow_parse_when_failed() { parse_when_failed_ = true; }
  void set_host(SessionHost* host) { host_ = host; }
  void set_user(std::string user) { user_ = std::move(user); }
  void notify(const std::string& channel, const std::string& payload);

  char status() const { return failed_ ? 'E' : block_ ? 'T' : 'I'; }
  /// The tag of the BEGIN that opened the transaction; empty outside.
  const std::string& block_tag() const { return block_tag_; }
  const Gucs& gucs() const { return gucs_; }
  void adopt_setting(const std::string& name, const std::string& value) {
    gucs_.set(name, value, false);
  }
  bool copying_in() const { return mode_ == Mode::copy_in; }
  bool running() const { return mode_ == Mode::running; }
  bool skipping() const { return skipping_; }
  std::size_t waiting() const { return messages_.size(); }
  const std::vector<Write>& writes() const { return writes_; }
  const std::map<std::string, Prepared>& prepared() const { return prepared_; }
  /// The statement that runs or was the last to run.
  const std::string& current_tag() const { return current_tag_; }
  std::string describe() const;

 private:
  enum class Mode { ready, running, copy_in, ended };
  enum class Source { simple, extended, function };
  struct Message {
    char tag;
    std::string body;
    std::uint64_t stamp;
  };
  struct Step {  // the outputs of the step under way
    std::string* out;
    bool* flush;
    Duration* work;
  };

  // session.cpp
  void take_message();
  void dispatch(const Message& message);
  void simple_query(const Message& message);
  void function_call(const Message& message);
  void sync();
  void ready();
  void error(std::string_view sqlstate, const std::string& text);
  void notice(std::string_view sqlstate, const std::string& text);
  void report_parameters();
  void deliver_notifications();
  void after_error();
  void end();
  // session_extended.cpp
  void parse_message(std::string_view body);
  void bind_message(std::string_view body);
  void describe_message(std::string_view body);
  void execute_message(std::string_view body);
  void close_message(std::string_view body);
  bool usable_shape(const Prepared& prepared);
  // session_run.cpp
  void start_simple();
  void run();
  void begin_run();
  bool prepare_run();
  bool begin_execute();
  void emit_row();
  void suspend();
  void finish_run();
  void complete(const std::string& command_tag);
  void copy_message(const Message& message);
  void finish_copy();
  // session_functions.cpp
  std::string
  apply();  // the effect of run_; returns its command tag, empty if an error was written
  std::string prepare(const Statement& statement);
  bool set_config(const Call& call);
  bool apply_set(const std::string& name, const std::string& value, bool local);
  void row_description(const Run& run);
  std::vector<std::string> columns(const Run& run) const;
  std::vector<std::string> values(const Run& run, std::uint32_t row) const;
  std::string call_value(const Call& call, const Run& run) const;
  std::string argument(const Call& call, std::size_t index, const Run& run) const;
  std::string text_of(const Value& value, const Run& run) const;
  std::uint32_t row_count(const Run& run) const;
  std::vector<std::vector<std::string>> state_rows(const std::string& question) const;
  Duration cost(const Run& run) const;
  std::string tag_of(const Run& run) const;
  // session_tables.cpp
  std::string apply_change();
  std::string apply_savepoint();
  void apply_functions();
  void snapshot();
  bool may_write();
  bool evicted();
  std::vector<std::string> table_row(const Run& run) const;
  void forget_writes(std::size_t from);
  // session_transaction.cpp
  void start_transaction();
  void begin_block();
  bool commit();
  void abort();
  void end_block();
  bool transaction_verb(Verb verb);

  SessionHost* host_;
  Gucs gucs_;
  std::map<std::string, std::string> last_reported_;
  std::deque<Message> messages_;
  std::deque<Statement> simple_;  // what is left of a simple Query
  bool simple_open_ = false;      // a simple Query is being answered
  Mode mode_ = Mode::ready;
  Source source_ = Source::simple;
  bool skipping_ = false;  // up to Sync
  bool cancel_pending_ = false;
  Step step_{};

  std::map<std::string, Prepared> prepared_;
  std::map<std::string, Portal> portals_;
  Run run_;
  std::string portal_;  // that run_ came from
  std::uint32_t limit_ = 0, sent_now_ = 0;
  std::string copied_;
  std::string current_tag_;

  bool in_transaction_ = false;  // one is open, explicit or not
  bool block_ = false;           // an explicit one
  bool failed_ = false;
  bool fail_at_commit_ = false;
  bool committing_ = false;
  bool parse_when_failed_ = false;
  std::uint64_t blocks_ = 0;  // counts them
  std::string block_tag_;
  bool read_only_ = false;     // the block is
  bool one_snapshot_ = false;  // for the whole block
  std::optional<Snapshot> snapshot_;
  struct Savepoint {
    std::string name;
    std::size_t writes;  // before it
    Gucs::State gucs;
    bool altered, fails_at_commit;
    std::size_t listens, notifies;  // before it
  };
  void restore(const Savepoint& savepoint);
  std::vector<Savepoint> savepoints_;
  std::uint64_t stamp_ = 0;
  std::vector<Write> writes_;
  bool altered_ = false;
  bool temp_table_ = false;
  std::string user_;
  std::set<std::string> channels_;                                 // of LISTEN, committed
  std::vector<std::pair<std::string, bool>> listens_;              // at commit
  std::vector<std::pair<std::string, std::string>> notifies_;      // at commit
  std::deque<std::pair<std::string, std::string>> notifications_;  // to be delivered
};

}  // namespace heim::sim
