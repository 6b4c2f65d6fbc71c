// What a logged-in client sends, message by message.
//
// A message is passed on from where it was read. Small ones are taken whole, so that a client that
// sends slowly holds no server; large ones pass in parts.
#include "session/client_login.hpp"
#include "session/client_routing.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"

namespace heim::session {
namespace {

constexpr std::size_t small_message = 16384;  // taken whole
constexpr std::size_t inbox_high = 65536;     // above it the client is not read while it waits
constexpr std::size_t backlog_high = 65536;

bool is_extended(std::uint8_t tag) {
  return tag == 'P' || tag == 'B' || tag == 'D' || tag == 'E' || tag == 'C';
}

// Whether a Query message begins with BEGIN or START.
bool may_begin(Bytes query) {
  const std::string_view text = as_text(query.subspan(wire::header_size));
  const std::size_t at = text.find_first_not_of(" \t\r\n");
  if (at == text.npos || std::string_view("bBsS").find(text[at]) == text.npos) return false;
  const std::string word = fold(text.substr(at, 5));
  return word == "begin" || word == "start";
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
  const bool server_full = server && server->stream && server->stream->backlog() > backlog_high;
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
    wire::peek(wire::Origin::client, other, header);
    const std::size_t length = load_be32(in.data() + 1) + 1;
    return message(other, header) > 0 ? length : 0;
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
    std::string answer;
    wire::ready(answer, own_status());
    hub.to_client.copy(answer);
    return discard_frame(in, header);
  }
  begin_request();
  if (!server->kept.empty()) keep_for_retry(in, header);
  if (!server->batch_open) server->repeatable.clear();  // one Sync more than would be repeated
  server->expect_sync();
  return pass(in, header);
}

std::size_t Client::simple(Bytes in, const wire::Header& header) {
  const bool shared = shares_names();
  Forget forgets = Forget::no;
  if (header.tag == 'Q' && shared && in.size() >= header.total()) {
    forgets = forget(in.first(header.total()));
    if (forgets == Forget::answered) return header.total();
  }
  if (is_routed() && !server && answers_control(in, header)) return header.total();
  if (!has_server(in)) return 0;
  if (std::exchange(refused_, false)) return end_refused(in, header);
  const bool part = reads_elsewhere_ && server->batch_open;
  if (part && header.tag == 'Q' && !look_at_part(in, header)) return 0;
  if (std::exchange(refused_, false)) return end_refused(in, header);
  if (is_routed() && in.size() >= header.total() && own_setting(in, header)) return header.total();
  if (tracks_state()) {
    const Way way = look_at_query(in, header);
    if (way == Way::wait) return 0;
    if (way == Way::refused) return end_refused(in, header);
  }
  if (hub.guide.on()) account_query(in, header);
  if (forgets == Forget::all) expect_forgetting();
  return send_query(in, header, forgets == Forget::all);
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
  begin_request();
  ++pool->meter->total.query_count;
  server->expect(header.tag == 'Q' ? Reply::query : Reply::function, has_undo);
  server->batch_open = false;
  begins_ = header.tag == 'Q' && may_begin(in);
  if (header.tag == 'Q' && mode != config::PoolMode::session) {
    // A simple query destroys the unnamed statement.
    server->prepared.drop_unnamed();
    if (statements_.unnamed()) statements_.set_unnamed(nullptr);
  }
  return pass(in, header);
}

// Time limits count from the first message of a batch.
void Client::begin_request() {
  if (server->owes() || server->batch_open) return;
  last_request = hub.now();
  server->request_start = last_request;
  if (!server->in_transaction()) server->transaction_start = last_request;
}

// A server for what comes next, on a node that may run it. False: it has to wait.
bool Client::has_server(Bytes in) {
  const bool begins = server && !server->batch_open && !planned_;
  if (begins && is_routed()) {
    if (!may_stay(in)) return false;
    if (server) server->repeatable.clear();  // the batch before this one
  }
  if (!server && !acquire(in)) return false;
  if (std::exchange(planned_, false)) keep_for_elsewhere(in.first(batch_bytes_));
  return true;
}

// A server for the request at hand. False: the session waits in line (or has ended).
bool Client::acquire(Bytes in) {
  last_request = hub.now();
  if (!hub.serves()) return shutdown_notice(), false;
  if (is_routed()) {
    choose_node(in);
    if (state_ == ClientState::closing) return false;
  } else if (wanted_ == route::Wanted::standby ||
             hub.shared.nodes.role(pool->record.key.node) != cluster::Role::primary) {
    choose_again();
  }
  if (Server* idle = pool->take_idle(vars)) {
    link(*idle);
    return server != nullptr;
  }
  if (hub.is_cut_off(*pool)) return fail_cut_off(), false;
  apply(ClientEvent::queued);
  join_line();
  return server != nullptr;
}

void Client::join_line() {
  wait_start_ = ticket_.since = hub.now();
  hub.follow(hub.shared.broker.join(pool->record, ticket_), *pool);
}

bool Client::is_idle() const {
  if (state_ == ClientState::linked) {
    return mode == config::PoolMode::session && !asked_ && !server->dedicated;
  }
  return state_ == ClientState::idle;
}

bool Client::in_line() const { return pool && hub.shared.broker.in_line(ticket_); }

void Client::leave_line() { hub.shared.broker.leave(pool->record, ticket_); }

// The node for the next transaction.
void Client::choose_again() {
  if (is_routed() && state_ == ClientState::waiting) {
    hub.new_message();
    return choose_node(as_bytes(inbox_));
  }
  const auto choice = hub.choose(wanted_);
  if (!choice) return;
  route_reason = choice->reason;
  move_to(choice->node);
}

void Client::reroute() {
  if (state_ != ClientState::waiting && state_ != ClientState::login) return;
  if (!in_line()) return;
  leave_line();
  Pool* before = pool;
  choose_again();
  if (state_ == ClientState::closing) return;  // nobody can serve it
  if (state_ == ClientState::waiting) --before->clients_waiting, ++pool->clients_waiting;
  if (Server* idle = pool->take_idle(vars)) return link(*idle);
  join_line();
}

void Client::link(Server& given) {
  server = &given;
  // It may have been on its way to a ticket that was answered otherwise; the session waits anew
  // since.
  if (state_ != ClientState::idle) leave_line();
  ticket_.wants_new = false;
  ++pool->meter->total.server_assignment_count;
  const bool waited = state_ == ClientState::waiting;
  const bool keeps = state_ == ClientState::login && mode == config::PoolMode::session;
  if (waited || (keeps && wait_start_ != Instant{}))
    pool->meter->total.wait_time += static_cast<std::uint64_t>(to_us(hub.now() - wait_start_));
  if (state_ == ClientState::login) return link_for_greeting();
  apply(ClientEvent::linked);
  given.take(*this, id, life_, vars, hub.to_server);
  if (waited) look_at_node_again();
  send_held_begin();
  given.request_start = hub.now();
  if (given.transaction_start == Instant{}) given.transaction_start = hub.now();
  if (!given.owes()) tell_parameters(given);
  if (!waited) return;
  process_inbox();
  if (state_ == ClientState::closing) return;
  flush();
  resume_reading();
}

// The greeting tells what the server reports once it has the client's parameters.
void Client::link_for_greeting() {
  Server& given = *server;
  given.take(*this, id, life_, vars, hub.to_server);
  if (given.owes()) return given.write(hub.to_server);
  finish_greeting(given);
}

void Client::finish_greeting(Server& given) {
  if (mode == config::PoolMode::session) return keep_server(given);
  keep_greeting(given.parameters);
  admit(given.parameters);
  if (state_ == ClientState::closing) return;
  server = nullptr;
  given.release(true);
  process_inbox();
}

// From the login on: what the client is told of its server holds.
void Client::keep_server(Server& given) {
  hub.give_pid(*this, given.backend_pid);
  admit(given.parameters);
  if (state_ == ClientState::closing) return;
  apply(ClientEvent::linked);
  given.request_start = given.transaction_start = hub.now();
  process_inbox();
}

void Client::on_synced(Server& given) {
  if (state_ == ClientState::linked) tell_parameters(given);
  end_cancel_wait(true);
}

// A server may report other values than the one before: another node, a new default. The client
// hears of it.
void Client::tell_parameters(Server& given) {
  const Settings& now = given.parameters_for(splits_);
  if (!told_ || told_ == now) return;
  const bool apart = !skip_.empty() || !given.repeatable.empty();
  if (apart && !hub.to_client.empty()) deliver(hub.to_client);
  tell_changes(now);
  if (apart) deliver_apart();
  told_ = now;
}

void Client::tell_changes(const Settings& now) {
  std::vector<std::pair<std::string, std::string>> news;  // sorted as the server sorts them
  for (const auto& [parameter, value] : now->items) {
    const std::string* told = told_->find(parameter);
    if (!told || *told != value) news.emplace_back(fold(parameter), parameter);
  }
  std::sort(news.begin(), news.end());
  for (const auto& [folded, parameter] : news) {
    std::string message;
    wire::parameter_status(message, parameter, *now->find(parameter));
    hub.to_client.copy(message);
  }
}

void Client::on_ready(Server& given, char tx) {
  if (state_ == ClientState::login) return finish_greeting(given);
  if (restores(given, tx)) return;
  if (tx == 'I' && !given.owes()) batch_done(given);
  Counters& total = pool->meter->total;
  if (hub.guide.on()) {
    hub.guide.load(pool->record.key.node).note(hub.now() - given.request_start, hub.now());
  }
  total.query_time += static_cast<std::uint64_t>(to_us(hub.now() - given.request_start));
  given.request_start = hub.now();
  if (tx == 'I') {
    ++total.xact_count;
    total.xact_time += static_cast<std::uint64_t>(to_us(hub.now() - given.transaction_start));
    given.transaction_start = hub.now();
  }
  if (body_left_ == 0 && given.is_uncertain()) return after_message();
  if (listening_) deliver_kept();
  on_batch_end();
  if (server != &given || given.owes()) return;
  if (mode == config::PoolMode::session) return;
  if (mode == config::PoolMode::statement && tx != 'I') {
    return fail("0A000", "transaction blocks are not allowed in statement pooling mode");
  }
  try_release();
}

// Outside a transaction block, and all is answered.
void Client::batch_done(Server& given) {
  given.repeatable.clear();
  skip_.clear();
  tries_ = 0;
  only_primary_ = false;
  block_ended();
}

void Client::on_batch_end() {
  if (std::exchange(stalled_, false)) process_inbox();
}

void Client::release_server() {
  Server& given = *std::exchange(server, nullptr);
  given.transaction_start = {};
  apply(ClientEvent::released);
  given.release();
  resume_reading();
}

void Client::on_sync_failed(Server& given, Bytes error) {
  std::string raw;
  const wire::ErrorView view = wire::read_error(error.subspan(wire::header_size));
  if (state_ == ClientState::login) {
    // As at a direct login with such a parameter: the session does not begin.
    std::string accepted;
    wire::authentication(accepted, 0, {});
    const Bytes segment = as_bytes(accepted);
    if (stream_) stream_->write({&segment, 1});
    wire::error(raw, {"FATAL", view.sqlstate, view.message, view.detail, view.hint});
    server = nullptr;
    given.release();
  } else {
    const std::string detail = "The server said: " + std::string(view.message);
    wire::error(raw, {"FATAL", "08007",
                      "the session's settings could not be restored on its server; whether the "
                      "statement took effect without them is not known",
                      detail});
  }
  fail_raw(std::move(raw));
}

void Client::protocol_error(std::string_view what) {
  flush();  // what came before it still runs, and is counted on
  fail("08P01", what);
}

// The session cannot have the server it waits for: an answer in the place of the server's.
void Client::refuse(const wire::ErrorFields& error) {
  if (in_line()) leave_line();
  if (state_ != ClientState::waiting) {
    return fail(error.sqlstate, error.message, error.hint);
  }
  std::string answer;
  wire::error(answer, error);
  ++pool->meter->total.error_count;
  // Its block was begun, as the client knows: it goes on as one that failed.
  if (in_held_block()) routing_->failed = true;
  wire::Header header;
  wire::peek(wire::Origin::client, as_bytes(inbox_), header);
  const bool whole = header.tag == 'Q' || header.tag == 'F';
  if (whole) wire::ready(answer, own_status());
  const Bytes segment = as_bytes(answer);
  stream_->write({&segment, 1});
  apply(whole ? ClientEvent::answered : ClientEvent::refused);
  std::string bytes = std::exchange(inbox_, {});
  if (whole) {
    const std::size_t gone = discard_frame(as_bytes(bytes), header);
    bytes.erase(0, gone);
  }
  inbox_ = std::move(bytes) + inbox_;
  resume_reading();
  process_inbox();
}

}  // namespace heim::session
