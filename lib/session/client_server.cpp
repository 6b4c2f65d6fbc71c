// The server of a logged-in client: how it comes to one, hears of it, and gives it back.
#include <algorithm>

#include "session/client_cache.hpp"
#include "session/client_held.hpp"
#include "session/client_login.hpp"
#include "session/client_routing.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"

namespace heim::session {
namespace {

// Who looks for pg_temp by name, and never made anything there, would find that there is one: the
// server is closed instead.
bool suits(Server& given, const Client& client) {
  if (!given.has_temp_schema || client.had_temp() || !client.vars) return true;
  const std::string* path = client.vars->find("search_path");
  if (!path || path->find("pg_temp") == std::string::npos) return true;
  given.discard("a session looks for pg_temp that has none");
  return false;
}

}  // namespace

// A server for what comes next, on a node that may run it. False: it has to wait.
bool Client::has_server(Bytes in) {
  if (server && server->apart && server->owes()) return wait_for_outcome(), false;
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
  } else if (wanted_ == route::Wanted::standby ||
             hub.shared.nodes.role(pool->record.key.node) != cluster::Role::primary) {
    choose_again();
  }
  const bool lacks_role = Held(*this).lacks_role();
  Server* idle = lacks_role ? nullptr : pool->take_idle(vars, had_temp_);
  if (idle && suits(*idle, *this)) return link(*idle), server != nullptr;
  if (!lacks_role && hub.is_cut_off(*pool)) return fail_cut_off(), false;
  apply(ClientEvent::queued);
  wait_start_ = ticket_.since = hub.now();
  join_line();
  return server != nullptr;
}

void Client::join_line() {
  if (Held(*this).looks()) return;
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
  if (!held_ || !std::exchange(held_->in_no_line, false)) {
    if (!in_line()) return;
    leave_line();
  }
  Pool* before = pool;
  choose_again();
  if (state_ == ClientState::waiting) --before->clients_waiting, ++pool->clients_waiting;
  Server* idle = Held(*this).lacks_role() ? nullptr : pool->take_idle(vars, had_temp_);
  if (idle) return link(*idle);
  join_line();
}

void Client::link(Server& given) {
  if (state_ == ClientState::waiting && !suits(given, *this)) return join_line();
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
  Cached::linked(*this);
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
  const std::string& overruled = login_->overruled;
  if (!overruled.empty()) given.ask("BEGIN;" + overruled + "ROLLBACK", hub.to_server);
  given.request_start = hub.now();
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
  // Behind a RESET it is told once all is as it was.
  if (state_ == ClientState::linked && !delays_ready()) tell_parameters(given);
  end_cancel_wait(true);
}

// A server may report other values than the one before: another node, a new default. The client
// hears of it.
void Client::tell_parameters(Server& given) {
  const Settings& now = given.parameters_for(splits_);
  if (!told_ || told_ == now) return;
  const bool apart = !again_.empty() || !given.repeatable.empty();
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
  ends_cut(given);
  if (!given.owes()) batch_done(given, tx);
  Counters& total = pool->meter->total;
  if (hub.guide.on()) {
    if (hub.shared.nodes.size() > 1) {
      hub.guide.load(pool->record.key.node).note(hub.now() - given.request_start, hub.now());
    }
    note_profile(given);
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

// All is answered.
void Client::batch_done(Server& given, char tx) {
  settle_reading();
  if (tx != 'I') return;
  given.repeatable.clear();
  begins_ = false;
  again_.clear();
  tries_ = 0;
  only_primary_ = false;
  reading_.local = false;
  reading_.unreported &= reading_.changed;
  block_ended();
}

void Client::on_batch_end() {
  if (std::exchange(stalled_, false)) process_inbox();
}

void Client::release_server() {
  Cached::drop(*this);
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

// The session cannot have the server it waits for: an answer in the place of the server's.
void Client::refuse(const wire::ErrorFields& error) {
  Cached::drop(*this);
  if (in_line()) leave_line();
  if (state_ != ClientState::waiting || again_.is_half()) {
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
