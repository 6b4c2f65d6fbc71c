// A session of this process: a client of the engine like any other, whose conversation is calls.
//
// One thread at a time calls it, but for cancel(). Its thread takes the seat's lock, hands the
// engine its messages, and sleeps until the answer is there (see runtime/seat.hpp). Failures are
// thrown (failure.hpp); each leaves the session as it can be used, but for Trouble::closed.
#pragma once
#include <memory>
#include <string>

#include "base/secret.hpp"
#include "embed/failure.hpp"
#include "embed/local_stream.hpp"
#include "embed/patience.hpp"
#include "embed/reader.hpp"
#include "embed/request.hpp"
#include "runtime/engine.hpp"

namespace heim::embed {

struct Options {
  StartupItems startup;  // user, database, ...
  Secret password;       // for servers; empty: what the configuration has
  std::size_t result_bytes_max = 1u << 30;
  Reader::OnNotice on_notice;  // called with the seat's lock
  bool is_deferred = false;    // finish() waits until it is admitted, not the constructor
};

class Session final : runtime::Guest {
 public:
  /// Blocks until the engine has admitted it, unless that is deferred. The engine may go before the
  /// session.
  Session(runtime::Engine& engine, Options options);
  ~Session() override;

  /// What is kept of the answer: all of it, or a portion at a time.
  enum class Rows : std::uint8_t { kept, streamed };

  // ---- questions: the first result, good until the next call that asks ------------
  Result& query(std::string_view sql);
  Result& run(const Request& request, Rows rows);
  /// The next result, or the next rows of one that is streamed; null: there is no more.
  Result* next();
  Result& prepare(std::string_view name, std::string_view sql,
                  std::span<const std::uint32_t> types);
  void deallocate(std::string_view name);
  /// As query(), for what answers no rows; COMMIT of a transaction that had failed fails.
  void command(std::string_view sql);
  /// Whatever became of what was asked before; an open COPY fails by it.
  void rollback();

  // ---- COPY: after a result that says so -------------------------------------------
  void copy_write(Bytes data);
  /// `reason`: why the data is of no use; null: it is complete.
  Result& copy_end(const std::string* reason);
  /// Nothing: there is no more.
  std::optional<Bytes> copy_read();

  // ---- without waiting --------------------------------------------------------------
  /// `done` is called once, on any thread, with the seat's lock: when finish() will not wait.
  void start(const Request& request, Rows rows, std::function<void()> done);
  /// Null: what was asked for has none, or there is no more.
  Result* finish(const Patience& patience);
  /// Of calls that ask for something. One that would wait longer throws Trouble::timed_out, and
  /// goes on as what was started does: finish() has its outcome. What is left of the call before is
  /// read away with all patience.
  void set_patience(const Patience& patience) { patience_ = patience; }
  /// Readable when finish() will not wait, a notification is there, or the session has ended.
  int wait_descriptor();

  // ---- about it -----------------------------------------------------------------------
  /// [any thread] but the one that destroys it.
  void cancel();
  /// Lent until the next call of it. Null: `deadline` passed first.
  const Notification* notification(const Patience& patience);
  const std::string* parameter(std::string_view name);
  /// Where a statement would go now, and why.
  std::vector<session::ExplainRow> explain(const std::string& sql);
  /// As ReadyForQuery has it; 'B' while something is asked, 'X' when it has ended.
  char status();
  /// The body of the last failure's ErrorResponse; empty if it had none.
  const std::string& last_error() const { return last_error_; }
  /// The process is a fork of the one that opened it.
  bool is_foreign() const;

 private:
  using Visit = runtime::Seat::Visit;
  enum class Until : std::uint8_t { answered, shown };
  /// What there is to tell of a call when it need not wait any more.
  enum class Outcome : std::uint8_t { first, next, same, nothing, written };

  void go_on() override;
  void log_in(Options options);
  void check_usable() const;
  void ask(Visit& visit);
  // Nothing of a message that there is no memory for is sent.
  template <class Put>
  void compose(Put put) {
    const std::size_t before = out_.size();
    try {
      put();
    } catch (...) {
      out_.resize(before);
      throw;
    }
  }
  // The message of a request; `extended`: of the extended protocol.
  template <class Put>
  void send(Put put, bool extended = true) {
    compose(put);
    reader_.begin();
    extended_ = extended;
  }
  void send_request(const Request& request);
  void push_out();
  void give_up() noexcept;
  void read_in();
  void trim();
  bool is_over() const { return reader_.phase() == Reader::Phase::idle || !stream_.is_open(); }
  bool is_there() const;
  bool wait(Visit& visit, Until until, const Patience& patience = {});
  void hold();
  void drain(Visit& visit);
  void end_async();
  void tell();
  void sync_failed_copy();
  void put_copy_end(const std::string* reason);
  void abandon(Visit& visit);
  Result& first(Visit& visit);
  void check_failed();
  [[noreturn]] void fail_closed();
  [[noreturn]] void fail_server();
  [[noreturn]] void fail_overflowed();
  bool is_broken_off() const { return !stream_.is_open() || broken_; }
  void begin_async(Outcome outcome, std::function<void()> done);
  [[noreturn]] void go_on_without(Outcome outcome);
  void receive(Visit& visit, Until until, Outcome outcome);
  void take_more(Visit& visit, Until until, Outcome outcome);
  Result* conclude(Visit& visit);
  Result* following();
  void announce();

  // The cancel requests that are on their way.
  struct Cancels {
    Session* owner;  // null: it has gone
    std::uint32_t under_way = 0;
  };
  void let_cancels_end(Visit& visit);

  const std::shared_ptr<Cancels> cancels_;
  const std::shared_ptr<runtime::Seat> seat_;
  LocalStream stream_;
  Inbox held_;  // what results lie in
  Reader reader_;
  std::string out_;  // what the engine did not take yet
  std::size_t out_at_ = 0;
  Rows rows_ = Rows::kept;
  Patience patience_;
  Outcome outcome_ = Outcome::first;  // of what async_ is about
  Until until_ = Until::answered;
  bool waits_ = false;      // its thread does, for until_
  bool async_ = false;      // nobody does, and done_ shall be called
  bool broken_ = false;     // the engine broke the protocol, or memory ran out
  bool extended_ = false;   // what is asked came by the extended protocol
  bool told_ = false;       // the descriptor was asked for
  std::size_t shown_ = 0;   // the result that was given last
  std::size_t copied_ = 0;  // pieces of COPY data that were given of it
  std::function<void()> done_;
  std::string last_error_;
  std::string lent_parameter_;
  Notification lent_notification_;
};

}  // namespace heim::embed
