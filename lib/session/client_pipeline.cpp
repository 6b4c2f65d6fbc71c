// What a logged-in client sends, message by message.
//
// A message is passed on from where it was read. Small ones are taken whole, so that a client that
// sends slowly holds no server; large ones pass in parts.
#include "session/client_cache.hpp"
#include "session/client_held.hpp"
#include "session/client_login.hpp"
#include "session/client_routing.hpp"
#include "session/client_tracking.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"
#include "session/statement_text.hpp"

namespace heim::session {
namespace {

constexpr std::size_t small_message = 16384;  // taken whole
constexpr std::size_t inbox_high = 65536;     // above it the client is not read while it waits
constexpr std::size_t backlog_high = 65536;

bool is_extended(std::uint8_t tag) {
  return tag == 'P' || tag == 'B' || tag == 'D' || tag == 'E' || tag == 'C';
}

}  // namespace

void Client::receive(Bytes bytes) {
  switch (state_) {
    case ClientState::closing:
    case ClientState::tls:
      return;
    case ClientState::console:
      return console_->feed(bytes);
    case ClientState::idle:
    case ClientState::linked:
    case ClientState::skipping:
      if (inbox_.empty()) {
        const std::size_t used = pump(bytes);
        if (state_ != ClientState::closing && used < bytes.size()) keep(bytes.subspan(used));
        return;
      }
      [[fallthrough]];
    default:
      keep(bytes);
      return process_inbox();
  }
}

void Client::keep(Bytes bytes) {
  inbox_.append(as_text(bytes));
  if (held_) Held(*this).count();
  const bool stalled = stalled_ || state_ == ClientState::waiting || state_ == ClientState::login ||
                       state_ == ClientState::secret || state_ == ClientState::relay;
  if (stalled && inbox_.size() > inbox_high && stream_) {
    reading_paused_ = true;
    stream_->pause();
  }
}

void Client::process_inbox() {
  if (state_ == ClientState::start) {
    read_startup();
    if (state_ == ClientState::start || inbox_.empty()) return;
  }
  if (state_ == ClientState::auth || state_ == ClientState::relay) return read_passwords();
  if (state_ == ClientState::console) {
    const std::string bytes = std::exchange(inbox_, {});
    if (!bytes.empty()) console_->feed(as_bytes(bytes));
    return;
  }
  if (state_ != ClientState::idle && state_ != ClientState::linked &&
      state_ != ClientState::skipping) {
    return;
  }
  // pump() may come back here through link(): the bytes it works on must not move under it.
  std::string bytes = std::exchange(inbox_, {});
  const std::size_t used = pump(as_bytes(bytes));
  if (state_ == ClientState::closing) return;
  bytes.erase(0, used);
  bytes += inbox_;
  inbox_ = std::move(bytes);
  resume_reading();
}

void Client::read_passwords() {
  while (state_ == ClientState::auth || state_ == ClientState::relay) {
    wire::Header header;
    const wire::Peek peek = wire::peek(wire::Origin::client, as_bytes(inbox_), header);
    if (peek == wire::Peek::more) return;
    const bool early = state_ == ClientState::relay && !login_->awaits_answer;
    if (early && peek == wire::Peek::ok && header.tag != 'p') return;  // for after the login
    if (peek != wire::Peek::ok || header.tag != 'p') {
      return fail("08P01", "expected a password response");
    }
    if (inbox_.size() < header.total()) return;
    std::string message = inbox_.substr(0, header.total());
    wipe(inbox_.data(), header.total());
    inbox_.erase(0, header.total());
    on_password(as_bytes(message));
    wipe(message.data(), message.size());
  }
  if (state_ != ClientState::closing && !inbox_.empty()) process_inbox();
}

// Handles as many messages as it can. Returns how many bytes it took; the rest is to be kept.
std::size_t Client::pump(Bytes in) {
  std::size_t done = 0;
  const bool in_body = body_left_ > 0;
  while (done < in.size()) {
    const std::size_t used = step(in.subspan(done));
    if (state_ == ClientState::closing) {
      hub.to_server.clear();
      hub.to_client.clear();
      return in.size();
    }
    if (used == 0) break;
    done += used;
  }
  flush();
  hub.rewritten.clear();
  // What it belonged to may be over: a COPY that failed before its data was complete.
  if (in_body && body_left_ == 0) after_message();
  return done;
}

// What waits for the end of a message that the client was sending.
void Client::after_message() {
  if (server && server->is_uncertain() && !server->owes() && !server->skipping) {
    server->ask_certainty();
  } else {
    try_release();
  }
}

bool Client::may_release() const {
  return server && mode != config::PoolMode::session && body_left_ == 0 && server->is_clean();
}

void Client::flush() {
  asked_ |= !hub.to_server.empty();
  if (server) server->write(hub.to_server);
  hub.to_server.clear();
  if (!hub.to_client.empty()) deliver(hub.to_client);
  // A peer that does not read is not read either.
  const bool server_full = server && server->backlog() > backlog_high;
  if (stream_ && !reading_paused_ && (server_full || stream_->backlog() > backlog_high)) {
    reading_paused_ = true;
    stream_->pause();
  }
}

std::size_t Client::step(Bytes in) {
  if (body_left_ > 0) {
    const std::size_t part = std::min<std::uint64_t>(body_left_, in.size());
    if (!body_discard_ && server) hub.to_server.borrow(in.first(part));
    body_left_ -= part;
    return part;
  }
  wire::Header header;
  const wire::Peek peek = wire::peek(wire::Origin::client, in, header);
  if (peek == wire::Peek::more) return 0;
  if (peek != wire::Peek::ok) {
    return protocol_error(peek == wire::Peek::unknown ? "invalid frontend message type"
                                                      : "invalid message length"),
           0;
  }
  if (header.total() <= small_message && in.size() < header.total()) return 0;
  if (server && server->will_retry()) return wait_for_outcome();
  if (header.tag == 'P' && is_routed() && reads_instead(in, header)) {
    const Bytes other = as_bytes(hub.rewritten.back());
    return message(other, wire::header_of(other)) > 0 ? header.total() : 0;
  }
  return message(in, header);
}

// A message whose first part is here.
std::size_t Client::message(Bytes in, const wire::Header& header) {
  hub.new_message();
  if (header.tag == 'X') {
    flush();  // what came before it still runs
    return leave("it said goodbye"), in.size();
  }
  if (state_ == ClientState::skipping) return skip(in, header);
  if (waits_for_restore(header)) return wait_for_outcome();
  if (header.tag == 'S') return sync(in, header);
  if (server && server->skipping) return discard_frame(in, header);
  if (hub.shared.cache && Cached::may_answer(*this)) {
    const std::size_t answered = Cached(*this).answer(in);
    if (answered > 0 || state_ == ClientState::waiting) return answered;
  }
  if (is_extended(header.tag)) return extended(in, header);
  if (header.tag == 'Q' || header.tag == 'F') return simple(in, header);
  if (header.tag == 'p') return protocol_error("a password outside the login"), 0;
  return copy_or_flush(in, header);
}

// Flush, and COPY data: nothing to be answered. Without a server they mean nothing.
std::size_t Client::copy_or_flush(Bytes in, const wire::Header& header) {
  if (!server) return discard_frame(in, header);
  server->kept.clear();
  if (header.tag == 'c' || header.tag == 'f') server->copy_end_sent();
  return pass(in, header);
}

// Passes a message on, as far as it is here.
std::size_t Client::pass(Bytes in, const wire::Header& header) {
  const std::size_t here = std::min(in.size(), header.total());
  hub.to_server.borrow(in.first(here));
  body_left_ = header.total() - here;
  body_discard_ = false;
  return here;
}

std::size_t Client::discard_frame(Bytes in, const wire::Header& header) {
  const std::size_t here = std::min(in.size(), header.total());
  body_left_ = header.total() - here;
  body_discard_ = true;
  return here;
}

// After an error of ours without a server: nothing counts until Sync.
std::size_t Client::skip(Bytes in, const wire::Header& header) {
  if (header.tag == 'S') {
    std::string answer;
    wire::ready(answer, own_status());
    hub.to_client.copy(answer);
    apply(ClientEvent::resynced);
  }
  return discard_frame(in, header);
}

std::size_t Client::sync(Bytes in, const wire::Header& header) {
  last_request = hub.now();
  if (!server) {
    tells_first_ = false;
    std::string answer;
    wire::ready(answer, own_status());
    hub.to_client.copy(answer);
    return discard_frame(in, header);
  }
  begin_request();
  refused_ = false;
  if (tracking_) tracking_->mending.clear();
  if (!server->kept.empty()) keep_for_retry(in, header);
  if (!server->batch_open) server->repeatable.clear();  // one Sync more than would be repeated
  server->expect_sync();
  return pass(in, header);
}

std::size_t Client::simple(Bytes in, const wire::Header& header) {
  const bool whole = header.tag == 'Q' && in.size() >= header.total();
  Forget forgets = Forget::no;
  if (whole && shares_names()) {
    forgets = forget(in.first(header.total()));
    if (forgets == Forget::answered) return header.total();
  }
  if (is_routed() && !server && answers_control(in, header)) return header.total();
  if (!has_server(in)) return 0;
  if (is_routed()) {
    if (const auto taken = takes_routed(in, header)) return *taken;
  }
  if (tracks_state()) {
    const Way way = look_at_query(in, header);
    if (way == Way::wait) return 0;
    if (way == Way::refused) return end_refused(in, header);
  }
  account_query(in, header);
  if (forgets == Forget::all) expect_forgetting(query_text(in.first(header.total())));
  return send_query(in, header, forgets == Forget::all);
}

// What of a routed client is not passed on as it is; or waits.
std::optional<std::size_t> Client::takes_routed(Bytes in, const wire::Header& header) {
  if (header.tag == 'Q' && !look_at_part(in, header)) return 0;
  if (std::exchange(refused_, false)) return end_refused(in, header);
  if (in.size() >= header.total() && own_setting(in, header)) return header.total();
  return std::nullopt;
}

// A simple query that was refused ends as one that failed.
std::size_t Client::end_refused(Bytes in, const wire::Header& header) {
  begin_request();
  std::string sync;
  wire::message(sync, 'S', {});
  hub.to_server.copy(sync);
  server->expect_sync();
  return discard_frame(in, header);
}

std::size_t Client::send_query(Bytes in, const wire::Header& header, bool has_undo) {
  mend_before(header);
  if (mends_query(in, header, has_undo)) return header.total();
  expect_query(in, header, has_undo);
  return pass(in, header);
}

void Client::expect_query(Bytes in, const wire::Header& header, bool has_undo) {
  begin_request();
  ++pool->meter->total.query_count;
  server->expect(header.tag == 'Q' ? Reply::query : Reply::function, has_undo);
  server->batch_open = false;
  begins_ |= header.tag == 'Q' && may_begin(as_text(in.subspan(wire::header_size)));
  if (header.tag == 'Q' && mode != config::PoolMode::session) {
    // A simple query destroys the unnamed statement.
    server->prepared.drop_unnamed();
    if (statements_.unnamed()) statements_.set_unnamed(nullptr);
  }
}

// Time limits count from the first message of a batch.
void Client::begin_request() {
  server->apart = false;  // from here on, what is owed is the client's
  if (server->owes() || server->batch_open) return;
  last_request = hub.now();
  server->request_start = last_request;
  if (!server->in_transaction()) server->transaction_start = last_request;
}

void Client::protocol_error(std::string_view what) {
  flush();  // what came before it still runs, and is counted on
  fail("08P01", what);
}

}  // namespace heim::session
