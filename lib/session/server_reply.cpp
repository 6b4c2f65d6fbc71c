// Accounting for a server's answers: each is matched with what was asked, in order, before it goes
// on.
#include <charconv>

#include "session/client.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"
#include "session/server.hpp"
#include "wire/encoder.hpp"

namespace heim::session {
namespace {

// Messages that are looked into are gathered up to this size; larger ones pass in parts, unread.
constexpr std::uint32_t gather_limit = 65536;
// Above this the server is not read until its holder has taken what is there.
constexpr std::size_t backlog_high = 65536;

// Messages whose body matters here.
bool is_read(std::uint8_t tag) { return tag == 'Z' || tag == 'C' || tag == 'E' || tag == 'S'; }

// Its client hears of the end later.
bool says_ready_itself(const Holder* holder) { return holder && holder->delays_ready(); }

// Whether more of ours follows.
bool goes_on_hidden(Reply next) { return is_hidden_query(next) || is_lenient_parse(next); }

bool is_data(std::uint8_t tag) { return tag == 'D' || tag == 'd' || tag == 'c'; }

// The number that a CommandComplete ends with; 0 if it has none.
std::uint64_t count_of(std::string_view tag) {
  std::uint64_t count = 0;
  const std::string_view digits = tag.substr(tag.rfind(' ') + 1);
  std::from_chars(digits.data(), digits.data() + digits.size(), count);
  return count;
}

// Before it ran: canceled, or not allowed in this state of its transaction.
bool was_refused(const wire::ErrorView& error) {
  return error.sqlstate.starts_with("25") || error.sqlstate == "57014";
}

}  // namespace

void Server::feed(Bytes bytes) {
  if (!carry_.empty()) bytes = bytes.subspan(feed_carry(bytes));
  while (!bytes.empty() && state_ != ServerState::closing) {
    const std::size_t taken = frame(bytes);
    if (taken == 0) {
      carry_.assign(as_text(bytes));
      break;
    }
    bytes = bytes.subspan(taken);
  }
  if (state_ == ServerState::closing) return hub->to_client.clear();
  settle();
}

// Completes the message that the last read left incomplete. Returns how many of `bytes` it took.
std::size_t Server::feed_carry(Bytes bytes) {
  const std::size_t before = carry_.size();
  std::size_t want = wire::header_size;
  if (before >= want) {
    want =
        wire::header_size + load_be32(reinterpret_cast<const std::uint8_t*>(carry_.data()) + 1) - 4;
  }
  std::size_t taken = std::min(want - before, bytes.size());
  carry_.append(as_text(bytes.first(taken)));
  if (carry_.size() < want) return taken;
  const std::string whole = std::move(carry_);
  carry_.clear();
  if (frame(as_bytes(whole)) == 0) {
    // The header is complete now; the rest may be too.
    carry_ = whole;
    return taken + (taken < bytes.size() ? feed_carry(bytes.subspan(taken)) : 0);
  }
  // What it passes on is borrowed from `whole`: it has to go now.
  if (holder_ && !hub->to_client.empty()) holder_->deliver(hub->to_client);
  hub->to_client.clear();
  return taken;
}

// Handles what stands at the front. Returns how many bytes it took; 0: the message must be gathered
// first.
std::size_t Server::frame(Bytes bytes) {
  if (body_left_ > 0) {
    const std::size_t part = std::min<std::uint64_t>(body_left_, bytes.size());
    if (body_forward_) hub->to_client.borrow(bytes.first(part));
    body_left_ -= part;
    if (body_left_ == 0) end_message();
    return part;
  }
  wire::Header header;
  const wire::Peek peek = wire::peek(wire::Origin::server, bytes, header);
  if (peek == wire::Peek::more) return 0;
  if (peek != wire::Peek::ok) {
    violate("an unknown message type or an impossible length");
    return bytes.size();
  }
  const std::size_t here = std::min(header.total(), bytes.size());
  const bool whole = here == header.total();
  if (!whole && gathers(header)) return 0;
  if (state_ == ServerState::login) {
    login_message(header, bytes.first(here));
    return here;
  }
  const bool forward = reply(header, bytes.first(here), whole) && has_audience();
  if (state_ == ServerState::closing) return bytes.size();
  if (forward) hub->to_client.borrow(bytes.first(here));
  body_left_ = header.total() - here;
  body_forward_ = forward;
  if (whole) end_message();
  return here;
}

// Whether the client is to see it: of a Parse, it was told when that came first. Others will want
// to be told, too.
bool Server::note_notice() {
  const Expected::Entry& front = expected_.front();
  if (!expected_.empty() && front.reply == Reply::parse && front.undo && undo.front().added) {
    undo.front().added->parsed_anew = true;
  }
  return !is_hidden_part(next_due());
}

// A session that could not be given its settings is told so instead.
bool Server::has_audience() const { return holder_ && !sync_failed_; }

// Answers made here may be due now.
void Server::end_message() {
  if (std::exchange(made_after_, false)) emit_made(hub->to_client);
}

// Returns whether the message goes to the holder.
bool Server::reply(const wire::Header& header, Bytes frame, bool whole) {
  const Bytes body = frame.subspan(wire::header_size);
  if (uncertain_) see_end_of_copy(header.tag);
  // It belongs to no statement, not to one of ours either.
  if (header.tag == 'A') return on_notification(frame, whole);
  if (is_ours(header.tag)) {
    if (header.tag == 'D') hidden_row(body, whole);
    return false;
  }
  if (is_data(header.tag)) return streams() || violate("rows nobody asked for");
  switch (header.tag) {
    case 'N':  // a process that has to end at once warns of it: its end is what counts
      if (wire::read_error(body).routine != "quickdie") return note_notice();
      return note_notice(), false;
    case 'S':
      return whole ? on_parameter(body) : !is_hidden_query(next_due());
    case 'Z':
      return on_ready(body);
    case 'E':
      return on_error(frame);
    case 'C':
      return whole ? on_complete(body) : violate("a CommandComplete that is too long");
    default:
      return on_simple(header, body, whole);
  }
}

// A row, or what describes them, of a statement of ours, alone or among the client's.
bool Server::is_ours(std::uint8_t tag) const {
  if (is_hidden_query(next_due())) return !is_read(tag);
  if (tag == 'D' && next_due() == Reply::execute_hidden) return true;
  return (is_data(tag) || tag == 'T') && is_mended() && hides_part();
}

// A row of the answer to a query of ours.
void Server::hidden_row(Bytes body, bool whole) {
  if (next_due() != Reply::probe) return;
  probe_failed_ |= !whole;
  if (holder_ && whole) holder_->on_state_row(body);
}

// Whether a message is looked into, and so has to be here whole.
bool Server::gathers(const wire::Header& header) const {
  if (header.body > gather_limit) return false;
  if (state_ == ServerState::login || is_read(header.tag)) return true;
  if (header.tag == 'A' || header.tag == 'N') return true;
  if (header.tag == 'T' || header.tag == 't') return next_due() == Reply::describe_hidden;
  return header.tag == 'D' && next_due() == Reply::probe;
}

bool Server::streams() const {
  if (expected_.empty()) return false;
  const Reply front = expected_.front().reply;
  return front == Reply::query || front == Reply::execute;
}

bool Server::on_simple(const wire::Header& header, Bytes body, bool whole) {
  const Reply front = expected_.empty() ? Reply::sync : expected_.front().reply;
  switch (header.tag) {
    case '1':
      return on_parse_complete(front);
    case '2':
      return pop_if(Reply::bind, Reply::bind_hidden);
    case '3':
      return pop_if(Reply::close, Reply::close_hidden);
    case 'T':
    case 'n':
    case 't':
      return on_described(header.tag, body, whole);
    case 'I':
    case 's':
      return front == Reply::query || pop_if(Reply::execute, Reply::execute);
    case 'V':
      return front == Reply::function || violate("a FunctionCallResponse");
    case 'G':
    case 'H':
    case 'W':
      return on_copy(header.tag);
    default:
      return violate(wire::find(wire::Origin::server, header.tag)->name);
  }
}

bool Server::on_parse_complete(Reply front) {
  const bool unnamed = is_unnamed_parse(front);
  if (unnamed) prepared.unnamed_confirmed();
  return pop_if(unnamed ? Reply::parse_unnamed : Reply::parse,
                is_hidden_parse(front) ? front : Reply::parse_hidden);
}

// Removes the front if it is `reply` (its answer goes on) or `hidden` (it does not).
bool Server::pop_if(Reply reply, Reply hidden) {
  if (expected_.empty()) return violate("an answer to nothing");
  const Expected::Entry front = expected_.front();
  if (front.reply != reply && front.reply != hidden) {
    return violate("an answer to another message");
  }
  confirm(front);
  expected_.pop();
  made_after_ = true;
  return front.reply == reply;
}

bool Server::on_complete(Bytes body) {
  if (expected_.empty()) return violate("a CommandComplete");
  const Expected::Entry front = expected_.front();
  settle_copy();
  recovers_ |= tx_ == 'E';
  if (is_hidden_query(front.reply)) return false;
  std::string_view tag = as_text(body);
  if (!tag.empty()) tag.remove_suffix(1);
  if (hub->guide.profiles()) rows = count_of(tag);
  // Nearly all statements are told by two letters from those that matter here.
  if (tag.size() >= 3 && tag.size() <= 14 && (tag[0] != 'S' || tag[2] == 'T')) {
    on_tag(tag, front.undo && undo.front().forgotten);
  }
  if (front.reply != Reply::query) return pop_if(Reply::execute, Reply::execute_hidden);
  if (!is_mended()) return ++completed_, true;
  const bool shows = !hides_part();
  ++mended_.front().done;
  completed_ += shows;
  return shows;
}

// Statements that change what outlives a transaction.
// `forgotten`: the statements it deallocates are, since it was sent.
void Server::on_tag(std::string_view tag, bool forgotten) {
  const bool tracked = holder_ && holder_->tracks_state();
  if (tag == "SET" || tag == "RESET") {
    set_seen_ |= !tracked;
  } else if (tag == "DISCARD ALL" || tag == "DEALLOCATE ALL") {
    ClientStatements* statements = holder_ ? holder_->statements() : nullptr;
    if (!forgotten) prepared.clear_named();
    if (!forgotten && statements) statements->clear_named();
    if (tag == "DISCARD ALL") {
      forgot_sequences();
      vars = hub->setting_table.empty();
      set_seen_ = reset_needed_ = false;
    }
  } else if (tag == "LISTEN" || tag == "PREPARE") {
    reset_needed_ |= !tracked;
  }
}

Reply Server::next_due() const {
  return expected_.empty() ? Reply::parse : expected_.front().reply;
}

bool Server::on_ready(Bytes body) {
  const char status = static_cast<char>(body[0]);
  if (std::string_view("ITE").find(status) == std::string_view::npos) {
    return violate("an unknown status");
  }
  const Reply due = next_due();
  if (uncertain_ && !is_sync(due)) return on_uncertain_ready(status);
  if (!ends_at_ready(due)) return violate("a ReadyForQuery");
  const Expected::Entry front = expected_.front();
  confirm(front);
  if (front.mended) mended_.erase(mended_.begin());
  expected_.pop();
  made_after_ = true;
  copy_in_ = false;
  completed_ = 0;
  forgets_sequences_ = false;
  uncertain_ = copy_syncs_ > 0;
  if (tx_ == 'I' || status == 'I') ++transactions, ++pool->served;
  set_status(status);
  if (front.reply == Reply::probe) {
    probed_ = holder_ != nullptr;
    return false;
  }
  ready_seen_ = true;
  if (!is_hidden_query(front.reply)) {
    batch_failed = std::exchange(failing_, false);
    return front.reply != Reply::sync_hidden && shows_ready();
  }
  if (holder_ && !sync_failed_ && !goes_on_hidden(next_due())) holder_->on_synced(*this);
  return false;
}

bool Server::shows_ready() {
  if (!says_ready_itself(holder_)) return true;
  if (owes()) holder_->on_early_ready(*this);
  return owes();
}

bool Server::on_error(Bytes frame) {
  const wire::ErrorView error = wire::read_error(frame.subspan(wire::header_size));
  pool->count_error(error.sqlstate);
  const bool fatal = error.severity == "FATAL" || error.severity == "PANIC";
  if (fatal || expected_.empty()) {
    last_error_ = as_text(frame);  // the end of the stream comes next; on_end() tells the holder
    return false;
  }
  if (goes_elsewhere(error)) return false;
  copy_in_ = false;
  const Reply front = expected_.front().reply;
  if (front != Reply::query) uncertain_ = copy_syncs_ > 0;  // else from its ReadyForQuery on
  if (front == Reply::query_lenient) return false;
  error_seen = true;
  if (is_lenient_parse(front)) return drop_lenient_parse(frame), false;
  failing_ = !is_hidden_query(front);
  if (front == Reply::probe) {
    probe_failed_ = true;
    hidden_error = as_text(frame);
    return false;
  }
  if (front == Reply::query_hidden) {
    sync_failed_ = true;
    sync_error_ = as_text(frame);
    return false;
  }
  if (front == Reply::query || front == Reply::function || is_sync(front)) {
    if (expected_.front().undo) forgot_perhaps(was_refused(error));
    return shows_error(error, frame);
  }
  return apart ? fails_apart(frame) : on_extended_error(error, frame);
}

bool Server::on_extended_error(const wire::ErrorView& error, Bytes frame) {
  if (error.sqlstate == "0A000" && error.routine == "RevalidateCachedQuery") {
    hub->shared.schema_epoch.fetch_add(1, std::memory_order_relaxed);
    retry_ = can_retry();
  }
  const bool poisoned = next_due() == Reply::poison;
  if (poisoned) {
    hub->to_client.copy(poisons.front());
    poisons.pop_front();
  }
  // It failed once it had run, as where a deferred constraint is checked at its end.
  if (expected_.front().undo && !was_refused(error)) undo.front().forgotten.reset();
  const std::string shown = instead_of(error, frame);
  const bool reads_anew = is_hidden_parse(next_due()) && expected_.front().undo;
  // In a failed transaction, or where it is canceled, it does not come to that.
  if (reads_anew && error.sqlstate != "25P02" && error.sqlstate != "57014") {
    hub->to_client.copy(undo.front().said_first);
  }
  drop_batch();
  if (retry_) {
    expected_.clear();
    expected_.push(Reply::sync_hidden);
  }
  if (poisoned || retry_) return false;
  if (shown.empty()) return true;
  hub->to_client.copy(shown);
  return false;
}

// Nothing but one Bind, its Describe and its Execute, whole, outside a transaction block.
bool Server::can_retry() const {
  static constexpr Reply batch[] = {Reply::bind, Reply::describe, Reply::execute, Reply::sync};
  if (!holder_ || kept.empty() || tx_ != 'I' || expected_.size() != std::size(batch)) return false;
  for (std::size_t i = 0; i < std::size(batch); ++i) {
    if (expected_.at(i).reply != batch[i]) return false;
  }
  return true;
}

// A read that another node is asked: nothing of it was shown, or will be.
bool Server::goes_elsewhere(const wire::ErrorView& error) {
  if (repeatable.empty() || !holder_ || is_hidden_query(next_due())) return false;
  if (is_lenient_parse(next_due())) return false;  // it has not begun
  if (!holder_->runs_elsewhere(*this, error)) return false;
  hub->to_client.clear();
  take_back_all();
  expected_.clear();
  expected_.push(Reply::sync_hidden);
  elsewhere_ = true;
  return true;
}

bool Server::on_parameter(Bytes body) {
  wire::Fields fields(body);
  const std::string_view parameter = fields.string();
  const std::string_view value = fields.string();
  if (!fields.done()) return violate("a malformed ParameterStatus");
  parameters = hub->setting_table.with(parameters, parameter, value);
  if (is_hidden_query(next_due()) || !holder_) return false;
  if (owed() == 1 && !apart && holder_->delays_parameter(parameter)) return false;
  holder_->on_parameter(parameter, value);
  return true;
}

// The end of a chunk: what it brought is passed on, and what it ended is ended.
void Server::settle() {
  Hub& home = *hub;
  home.handed_over.clear();
  Out& out = home.to_client;
  const std::uint64_t before = links_;
  if (holder_ && !out.empty()) holder_->deliver(out);
  out.clear();
  if (home.has_left(*this)) return;
  if (holder_ && links_ != before) return;  // it left, and another has the server
  if (std::exchange(logged_in_, false)) return settle_login();
  if (holder_) return settle_held();
  if (state_ == ServerState::cleaning) continue_cleaning();
}

void Server::settle_login() {
  if (Client* client = std::exchange(relay_, nullptr)) return client->relay_accepted(*this);
  pool->give(*this);
}

void Server::settle_held() {
  if (sync_failed_) {
    sync_failed_ = false;
    vars = nullptr;
    set_seen_ = true;
    reset_needed_ |= holder_->tracks_state();
    return holder_->on_sync_failed(*this, as_bytes(sync_error_));
  }
  if (holder_->backlog() > backlog_high && !read_paused) {
    read_paused = true;
    stream->pause();
  }
  if (std::exchange(probed_, false)) {
    const std::uint64_t before = links_;
    const Hub& home = *hub;
    holder_->on_state(*this, std::exchange(probe_failed_, false));
    if (home.has_left(*this) || !holder_ || links_ != before) return;
  }
  if (ready_seen_) settle_ready();
}

void Server::settle_ready() {
  // Not while half of a message is here: the server could not be given back, and nothing would try
  // again.
  const bool between = carry_.empty() && body_left_ == 0;
  if (between && expected_.empty() && (retry_ || elsewhere_)) {
    const bool again = std::exchange(retry_, false);
    elsewhere_ = ready_seen_ = false;
    return again ? holder_->on_retry(*this) : holder_->on_elsewhere(*this);
  }
  if (!expected_.empty()) return holder_->on_batch_end();
  if (!between) return;
  ready_seen_ = false;
  if (apart) return begins_behind();
  lost_names.clear();
  holder_->on_ready(*this, tx_);
}

bool Server::violate(std::string_view what) {
  std::string error;
  const std::string text = "the server broke the protocol: it sent " + std::string(what);
  // What came before it was right; half of a message may be among it.
  if (holder_ && !hub->to_client.empty()) holder_->deliver(hub->to_client);
  hub->log(LogLevel::error, "server " + peer + ": " + text);
  wire::error(error, {"FATAL", "08P01", text});
  const bool opening = state_ < ServerState::idle;
  discard(text, as_bytes(error));
  if (opening && !judging_) hub->login_failed(*pool, as_bytes(error), true, tried_);
  return false;
}

}  // namespace heim::session
