// Reads what the engine answers: one exchange after another, from a request to its ReadyForQuery.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "embed/result.hpp"

namespace heim::embed {

struct Notification {
  std::uint32_t pid = 0;
  std::string channel, payload;
};

/// Touches no engine: bytes in, results out.
class Reader {
 public:
  /// idle: nothing was asked, or all is answered. copy_in: data is awaited.
  enum class Phase : std::uint8_t { busy, idle, copy_in, copy_out };
  /// A NoticeResponse's body.
  using OnNotice = std::function<void(Bytes body)>;

  /// Rows will be read in `held`, where what read() saw lies by then.
  explicit Reader(const Inbox& held) : held_(held) {}
  void set_on_notice(OnNotice on_notice) { on_notice_ = std::move(on_notice); }
  /// Of the results of one exchange, in bytes as they came; what is above makes it fail.
  void set_limit(std::size_t bytes) { limit_ = bytes; }

  /// What was answered before is forgotten.
  void forget();
  /// Something is asked.
  void begin() { phase_ = Phase::busy; }
  /// Nobody wants the rows of this exchange.
  void discard() { discards_ = true; }
  bool discards() const { return discards_; }
  /// Reads on, up to the end of a COPY's data: what follows waits for drop_rows(). False: that is
  /// no protocol.
  bool read(const Inbox& inbox);
  /// The inbox begins with what was not read yet, and so much was taken out before it.
  void moved() { at_ = 0; }
  std::size_t at() const { return at_; }
  bool stopped() const { return stopped_; }
  /// Rows of all results are gone.
  void drop_rows();
  /// Whoever sent CopyDone or CopyFail.
  void copy_ended() { phase_ = Phase::busy; }

  Phase phase() const { return phase_; }
  char status() const { return status_; }
  std::size_t count() const { return count_; }
  Result& result(std::size_t index) { return results_[index]; }
  const Result& result(std::size_t index) const { return results_[index]; }
  /// The body of the exchange's first ErrorResponse; empty: there was none.
  const std::string& error() const { return error_; }
  /// It is the call's that it was told to: no later one failed by it.
  void error_told() { error_told_ = true; }
  bool is_error_told() const { return error_told_; }
  /// Once: a COPY that awaited data has failed.
  bool take_copy_failure() { return std::exchange(copy_failed_, false); }
  bool overflowed() const { return overflowed_; }

  std::map<std::string, std::string, std::less<>> parameters;
  std::deque<Notification> notifications;
  std::uint64_t lost_notifications = 0;  // there was no room for more

 private:
  bool message(const wire::Header& header, std::size_t body_at, Bytes body);
  void error(Bytes body);
  bool answer(std::uint8_t tag, std::size_t body_at, Bytes body);
  Result& open();
  void row(std::size_t at, std::size_t length);
  void complete(Bytes body);
  bool copies(Result::Kind kind, Phase phase);
  bool parameter(Bytes body);
  bool notification(Bytes body);

  const Inbox& held_;
  OnNotice on_notice_;
  Phase phase_ = Phase::busy;
  char status_ = 'I';
  std::size_t at_ = 0;
  std::size_t limit_ = ~std::size_t{0};
  std::size_t bytes_ = 0;  // of rows that are kept
  bool discards_ = false;
  bool stopped_ = false;
  bool overflowed_ = false;
  bool error_told_ = false;
  bool copy_failed_ = false;
  std::deque<Result> results_;  // the first `count_` count; the others are kept for their memory
  std::size_t count_ = 0;
  std::string error_;
};

}  // namespace heim::embed
