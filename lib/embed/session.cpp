#include "embed/session.hpp"

#include "wire/encoder.hpp"

namespace heim::embed {
namespace {

std::shared_ptr<runtime::Seat> seat_of(runtime::Engine& engine) {
  auto seat = engine.take_seat();
  if (!seat) throw Failure(Trouble::state, "the proxy has no seats for sessions, or did not start");
  return seat;
}

std::string_view value_of(const StartupItems& items, std::string_view name) {
  for (const auto& [key, value] : items) {
    if (key == name) return value;
  }
  return {};
}

constexpr std::size_t out_kept = 64 << 10;

}  // namespace

Session::Session(runtime::Engine& engine, Options options)
    : cancels_(std::make_shared<Cancels>(Cancels{this})),
      seat_(seat_of(engine)),
      stream_(*seat_, *this),
      reader_(held_) {
  try {
    reader_.set_limit(options.result_bytes_max);
    reader_.set_on_notice(std::move(options.on_notice));
    log_in(std::move(options));
  } catch (...) {
    {
      Visit visit(*seat_);
      cancels_->owner = nullptr;
      stream_.hang_up();
      seat_->forget(*this);
    }
    --seat_->sessions;
    throw;
  }
}

Session::~Session() {
  {
    Visit visit(*seat_);
    cancels_->owner = nullptr;
    if (async_) end_async();
    stream_.hang_up();
    seat_->forget(*this);
  }
  --seat_->sessions;
}

void Session::log_in(Options options) {
  Visit visit(*seat_);
  session::Hub* hub = visit.hub();
  if (!hub) throw Failure(Trouble::closed, "the proxy was closed");
  const std::string user(value_of(options.startup, "user"));
  std::string database(value_of(options.startup, "database"));
  if (database.empty()) database = user;
  if (!options.password.empty()) {
    hub->shared.server_secrets.offer(database, user, options.password.view());
  }
  compose([&] { put_startup(out_, options.startup); });
  stream_.connect(*hub);
  if (!options.is_deferred) return receive(visit, Until::answered, Outcome::nothing);
  until_ = Until::answered;
  begin_async(Outcome::nothing, nullptr);
  go_on();
}

bool Session::is_foreign() const { return seat_->is_foreign(); }

void Session::check_usable() const {
  if (is_foreign()) {
    throw Failure(Trouble::state, "the session belongs to the process that this one is a fork of");
  }
  if (async_) throw Failure(Trouble::state, "a started call is to be finished first");
}

// ---- the way in and out -------------------------------------------------------

// The beginning of a request: what is left of the one before it is read away. If that fails, nobody
// has heard of it yet, and nothing new is asked.
void Session::ask(Visit& visit) {
  if (stream_.is_open() && reader_.phase() != Reader::Phase::idle) drain(visit);
  let_cancels_end(visit);
  if (!stream_.is_open() || broken_) fail_closed();
  last_error_.clear();
  held_.clear();
  reader_.forget();
  rows_ = Rows::kept;
  extended_ = false;
  shown_ = copied_ = 0;
  stream_.set_bounded(false);
}

void Session::push_out() {
  if (out_at_ == out_.size()) return;
  out_at_ += stream_.feed(as_bytes(out_).subspan(out_at_));
  if (out_at_ < out_.size() && stream_.is_open()) return;
  out_.clear();
  out_at_ = 0;
  if (out_.capacity() > out_kept) out_.shrink_to_fit();
}

// While nobody waits, what results lie in is left alone.
void Session::read_in() {
  const bool idle = reader_.phase() == Reader::Phase::idle;
  if (!waits_ && !async_ && !idle) return;
  if (stream_.has_lost() || !reader_.read(stream_.inbox)) give_up();
  if (reader_.discards() || (idle && !waits_ && !async_)) trim();
}

// What was read and is no result's is of no further use.
void Session::trim() {
  stream_.inbox.drop_front(reader_.at());
  reader_.moved();
}

// It broke the protocol, or memory ran out: nobody knows what was lost.
void Session::give_up() noexcept {
  broken_ = true;
  stream_.hang_up();
}

void Session::go_on() {
  try {
    push_out();
    read_in();
    sync_failed_copy();
  } catch (...) {
    give_up();
  }
  if (async_ || waits_) stream_.set_bounded(is_there());
  stream_.seen();
  if (async_ && is_there()) announce();
  if (!waits_) tell();
}

// What the descriptor shows while nobody waits. A call that sleeps uses it for itself: it is to be
// put right afterwards.
void Session::tell() {
  const bool notified = !reader_.notifications.empty() || reader_.lost_notifications > 0;
  const bool shows = told_ && (notified || !stream_.is_open());
  shows || (async_ && is_there()) ? ring() : quiet();
}

// What until_ asks for.
bool Session::is_there() const {
  if (is_over()) return true;
  if (out_at_ < out_.size()) return false;
  if (reader_.phase() == Reader::Phase::copy_in || reader_.stopped()) return true;
  if (until_ == Until::answered) return reader_.phase() == Reader::Phase::copy_out;
  if (reader_.count() == 0) return false;
  // The end of rows may still be an error: it is shown with the end of the exchange.
  const Result& last = reader_.result(reader_.count() - 1);
  return last.row_count() > 0 && !last.complete;
}

// False: the patience was at its end first.
bool Session::wait(Visit& visit, Until until, const Patience& patience) {
  const Instant deadline = patience.deadline();
  until_ = until;
  waits_ = true;
  go_on();
  while (!is_there() && std::chrono::steady_clock::now() < deadline) {
    if (!visit.hub()) broken_ = true;
    if (broken_) break;
    if (!visit.sleep(*this, deadline) && patience.until_signal) break;
  }
  waits_ = false;
  tell();
  return is_there();
}

// What was read becomes the results', out of the reach of what comes next. Those before them have
// dropped their rows.
void Session::hold() {
  held_.clear();
  try {
    held_.append(stream_.inbox.from(reader_.at()));
  } catch (...) {
    give_up();  // the new rows have no place where they can be read
    throw;
  }
  std::swap(held_, stream_.inbox);
  reader_.moved();
}

// Reads away what nobody wants any more.
void Session::drain(Visit& visit) {
  if (reader_.phase() == Reader::Phase::copy_in) {
    throw Failure(Trouble::state, "the COPY is to be ended first");
  }
  reader_.discard();
  do {
    reader_.drop_rows();
    reader_.copy_ended();
    wait(visit, Until::answered);
    hold();
  } while (stream_.is_open() && !broken_ && reader_.phase() == Reader::Phase::copy_out);
  check_failed();
  if (!is_over()) throw Failure(Trouble::state, "the COPY is to be ended first");
}

// ---- what went wrong ----------------------------------------------------------

void Session::fail_closed() {
  // The reason may lie there unread, behind rows that nobody gets any more.
  reader_.discard();
  reader_.drop_rows();
  if (!broken_ && !stream_.has_lost() && !reader_.read(stream_.inbox)) broken_ = true;
  last_error_ = reader_.is_error_told() ? std::string() : reader_.error();
  const wire::ErrorView view = wire::read_error(as_bytes(last_error_));
  std::string message(view.message);
  if (stream_.has_lost()) message = "out of memory for what the server sent";
  if (message.empty()) message = broken_ ? "the session broke" : "the session has ended";
  throw Failure(Trouble::closed, message, std::string(view.sqlstate));
}

void Session::fail_server() {
  last_error_ = reader_.error();
  reader_.error_told();
  const wire::ErrorView view = wire::read_error(as_bytes(last_error_));
  throw Failure(Trouble::server, std::string(view.message), std::string(view.sqlstate));
}

void Session::check_failed() {
  if (!stream_.is_open() || broken_) fail_closed();
  if (reader_.phase() != Reader::Phase::idle) return;
  if (!reader_.error().empty()) fail_server();
  if (reader_.overflowed()) fail_overflowed();
}

// Whoever runs it again has it done twice: it is said that the statement has run.
void Session::fail_overflowed() {
  last_error_.clear();
  std::string message = "the result is larger than result_bytes_max; stream it";
  const std::string& tag = reader_.result(reader_.count() - 1).tag;
  if (!tag.empty()) message += " (the statement has run: " + tag + ")";
  throw Failure(Trouble::server, message, "54000");
}

// Waits for what was asked, and takes it.
void Session::receive(Visit& visit, Until until, Outcome outcome) {
  if (!wait(visit, until, patience_) && !is_broken_off()) go_on_without(outcome);
  hold();
  check_failed();
}

// ---- questions ----------------------------------------------------------------

// What was asked is in out_.
Result& Session::first(Visit& visit) {
  receive(visit, rows_ == Rows::streamed ? Until::shown : Until::answered, Outcome::first);
  if (reader_.count() == 0) throw Failure(Trouble::server, "no answer came", "08P01");
  return reader_.result(0);
}

Result& Session::query(std::string_view sql) {
  check_usable();
  if (!is_sendable(sql.size())) throw Failure(Trouble::invalid, "the statement is too long");
  Visit visit(*seat_);
  ask(visit);
  send([&] { put_query(out_, sql); }, false);
  return first(visit);
}

void Session::send_request(const Request& request) {
  bool extended = true;
  send([&] { extended = put_request(out_, request); });
  extended_ = extended;
}

Result& Session::run(const Request& request, Rows rows) {
  check_usable();
  Visit visit(*seat_);
  ask(visit);
  send_request(request);
  rows_ = rows;
  return first(visit);
}

void Session::command(std::string_view sql) {
  const Result& result = query(sql);
  const bool commits = sql.starts_with("commit");
  if (commits && result.tag == "ROLLBACK") {
    throw Failure(Trouble::server, "the transaction had failed, and was rolled back", "40000");
  }
}

Result& Session::prepare(std::string_view name, std::string_view sql,
                         std::span<const std::uint32_t> types) {
  check_usable();
  if (!is_sendable(sql.size())) throw Failure(Trouble::invalid, "the statement is too long");
  Visit visit(*seat_);
  ask(visit);
  send([&] { put_prepare(out_, name, sql, types); });
  return first(visit);
}

void Session::deallocate(std::string_view name) {
  check_usable();
  Visit visit(*seat_);
  ask(visit);
  send([&] { put_deallocate(out_, name); });
  receive(visit, Until::answered, Outcome::nothing);
}

// Waits for more of the exchange.
void Session::take_more(Visit& visit, Until until, Outcome outcome) {
  reader_.drop_rows();
  copied_ = 0;
  receive(visit, until, outcome);
}

// What next() waited for: more of the streamed result, or the one after it.
Result* Session::following() {
  if (until_ == Until::shown) return &reader_.result(shown_);
  return shown_ + 1 < reader_.count() ? &reader_.result(++shown_) : nullptr;
}

Result* Session::next() {
  check_usable();
  Visit visit(*seat_);
  if (broken_) fail_closed();
  if (shown_ + 1 < reader_.count()) return &reader_.result(++shown_);
  // Cut off in its midst, it is not over.
  if (!stream_.is_open() && reader_.phase() != Reader::Phase::idle) fail_closed();
  if (reader_.count() == 0 || is_over()) return nullptr;
  if (reader_.phase() != Reader::Phase::busy) {
    throw Failure(Trouble::state, "the COPY is to be ended first");
  }
  const bool streams = rows_ == Rows::streamed && !reader_.result(shown_).complete;
  take_more(visit, streams ? Until::shown : Until::answered, Outcome::next);
  return following();
}

// ---- without waiting ------------------------------------------------------------

void Session::start(const Request& request, Rows rows, std::function<void()> done) {
  check_usable();
  Visit visit(*seat_);
  ask(visit);
  send_request(request);
  rows_ = rows;
  until_ = rows == Rows::streamed ? Until::shown : Until::answered;
  begin_async(Outcome::first, std::move(done));
  go_on();
}

void Session::begin_async(Outcome outcome, std::function<void()> done) {
  outcome_ = outcome;
  done_ = std::move(done);
  async_ = true;
  seat_->begin_async();
}

// The call is at the end of its patience; what it asked for is not.
void Session::go_on_without(Outcome outcome) {
  begin_async(outcome, nullptr);
  throw Failure(Trouble::timed_out, "the time limit passed first");
}

void Session::end_async() {
  async_ = false;
  done_ = nullptr;
  seat_->end_async();
}

// Something that was started is done, and nobody waits for it.
void Session::announce() {
  ring();
  if (auto done = std::exchange(done_, nullptr)) done();
}

Result* Session::finish(const Patience& patience) {
  if (is_foreign()) check_usable();
  if (!async_) throw Failure(Trouble::state, "nothing was started");
  Visit visit(*seat_);
  if (!wait(visit, until_, patience)) {
    if (stream_.is_open()) throw Failure(Trouble::timed_out, "the time limit passed first");
  }
  end_async();
  return conclude(visit);
}

// There is nothing to wait for any more.
Result* Session::conclude(Visit& visit) {
  if (outcome_ == Outcome::first) return &first(visit);
  if (outcome_ == Outcome::written) {
    if (is_over()) check_failed();
    return nullptr;
  }
  receive(visit, until_, outcome_);
  if (outcome_ == Outcome::nothing) return nullptr;
  return outcome_ == Outcome::next ? following() : &reader_.result(shown_);
}

int Session::wait_descriptor() {
  if (is_foreign()) check_usable();
  Visit visit(*seat_);
  told_ = true;
  tell();
  return descriptor();
}

// ---- about it -----------------------------------------------------------------

void Session::cancel() {
  if (is_foreign()) check_usable();
  Visit visit(*seat_);
  if (!client) return;
  std::function<void()> done = [cancels = cancels_] {
    --cancels->under_way;
    if (cancels->owner) cancels->owner->seat_->stir(*cancels->owner);
  };
  ++cancels_->under_way;
  client->cancel(std::move(done));
}

// One that is on its way would hit what is asked next.
void Session::let_cancels_end(Visit& visit) {
  while (cancels_->under_way > 0 && stream_.is_open() && visit.hub()) visit.sleep(*this, never);
}

const Notification* Session::notification(const Patience& patience) {
  const Instant deadline = patience.deadline();
  check_usable();
  Visit visit(*seat_);
  if (stream_.is_open() && !is_over()) {
    throw Failure(Trouble::state, "the last statement's results are to be read first");
  }
  waits_ = true;
  while (reader_.notifications.empty()) {
    if (!stream_.is_open() || !visit.hub()) {
      waits_ = false;
      tell();
      fail_closed();
    }
    if (std::chrono::steady_clock::now() >= deadline) break;
    const bool came = visit.sleep(*this, deadline);
    trim();
    if (!came && patience.until_signal) break;
  }
  waits_ = false;
  trim();
  if (reader_.lost_notifications > 0) {
    const std::string lost = std::to_string(std::exchange(reader_.lost_notifications, 0));
    last_error_.clear();
    tell();
    throw Failure(Trouble::server, lost + " notifications were lost: too many waited", "54000");
  }
  const bool found = !reader_.notifications.empty();
  if (found) {
    lent_notification_ = std::move(reader_.notifications.front());
    reader_.notifications.pop_front();
  }
  tell();
  return found ? &lent_notification_ : nullptr;
}

const std::string* Session::parameter(std::string_view name) {
  check_usable();
  Visit visit(*seat_);
  const auto found = reader_.parameters.find(name);
  if (found == reader_.parameters.end()) return nullptr;
  lent_parameter_ = found->second;
  return &lent_parameter_;
}

std::vector<session::ExplainRow> Session::explain(const std::string& sql) {
  if (is_foreign()) check_usable();
  Visit visit(*seat_);
  if (!client || !visit.hub()) throw Failure(Trouble::closed, "the session has ended");
  return visit.hub()->explain_route(client->database_name, sql);
}

char Session::status() {
  if (is_foreign()) return 'X';
  Visit visit(*seat_);
  if (!stream_.is_open() || broken_) return 'X';
  return async_ || reader_.phase() != Reader::Phase::idle ? 'B' : reader_.status();
}

}  // namespace heim::embed
