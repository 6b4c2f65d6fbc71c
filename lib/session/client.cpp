#include "session/client.hpp"

#include "session/client_cache.hpp"
#include "session/client_held.hpp"
#include "session/client_login.hpp"
#include "session/client_routing.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"

namespace heim::session {

Client::Client(Hub& the_hub, Stream& stream, std::uint32_t the_handle)
    : hub(the_hub),
      handle(the_handle),
      pid(handle),
      id((hub.shared.next_id.fetch_add(1) << 31) | handle),
      stream_(&stream) {
  connected = since = hub.now();
  ticket_.worker = hub.worker;
  ticket_.session = id;
  hub.logging_in.push_back(*this);
  stream.set_handler(*this);
}

Client::~Client() = default;

void Client::apply(ClientEvent event) {
  const ClientTransition* row = find(state_, event);
  if (!row) {
    hub.log(LogLevel::error, "bug: client session in state " + std::string(name(state_)) +
                                 " met event " + std::string(name(event)));
    if (state_ != ClientState::closing) fail("XX000", "internal error of the proxy");
    return;
  }
  if (held_) Held(*this).end();
  if (pool) {
    if (state_ == ClientState::waiting) --pool->clients_waiting;
    if (state_ == ClientState::linked) --pool->clients_active;
  }
  state_ = row->to;
  since = hub.now();
  switch (row->effect) {
    case ClientEffect::none:
      return;
    case ClientEffect::count_login:
      hub.logging_in.remove(*this);
      hub.ready.push_back(*this);
      return;
    case ClientEffect::count_waiting:
      ++pool->clients_waiting;
      hub.ready.remove(*this);
      hub.waiting.push_back(*this);
      return;
    case ClientEffect::count_active:
      ++pool->clients_active;
      [[fallthrough]];
    case ClientEffect::count_idle:
      if (hub.waiting.contains(*this) && row->from == ClientState::waiting) {
        hub.waiting.remove(*this);
        hub.ready.push_back(*this);
      }
      return;
    case ClientEffect::leave:
      return;  // leave() and fail() do the rest
  }
}

// ---- streams ------------------------------------------------------------------

void Client::on_bytes(Stream&, Bytes bytes) {
  hub.sweep();
  if (pool) pool->meter->total.received += bytes.size();
  receive(bytes);
}

void Client::on_tls(Stream&, const TlsInfo& info) {
  hub.sweep();
  tls_ = std::make_unique<TlsInfo>(info);
  tls_text = info.version + "/" + info.cipher;
  apply(ClientEvent::tls_done);
  if (direct_tls_ && info.alpn != "postgresql") {
    fail("08P01", "direct TLS needs the ALPN protocol \"postgresql\"");
  }
}

void Client::on_drained(Stream&) {
  hub.sweep();
  if (server && server->read_paused) {
    server->read_paused = false;
    server->stream->resume();
  }
  resume_reading();
}

void Client::on_end(Stream&, const StreamEnd& end) {
  hub.sweep();
  leave(end.message.empty() ? "the client closed the connection" : end.message);
}

// ---- holder -------------------------------------------------------------------

void Client::deliver(Out& out) {
  if (!stream_) return out.clear();
  pool->meter->total.sent += out.size();
  if (routing_ && routing_->keeping) Cached::gather(*this, out);
  if ((server && !server->repeatable.empty()) || !again_.empty()) return deliver_repeatable(out);
  out.flush(*stream_);
}

void Client::on_server_drained() { resume_reading(); }

void Client::resume_reading() {
  if (!reading_paused_ || !stream_) return;
  if (state_ == ClientState::waiting || stream_->backlog() > 0) return;
  if (server && server->backlog() > 0) return;
  reading_paused_ = false;
  stream_->resume();
}

void Client::on_parameter(std::string_view parameter, std::string_view value) {
  settings_changed_ = true;
  if (told_) told_ = hub.setting_table.with(told_, parameter, value);
  if (tracks_state() || !is_settable(parameter) || !vars) return;
  const bool same = server && server->vars == vars;
  vars = hub.setting_table.with(vars, fold(parameter), value);
  if (same) server->vars = vars;
}

std::string Client::application_name() const {
  const std::string* found = vars ? vars->find("application_name") : nullptr;
  return found ? *found : std::string();
}

// ---- endings ------------------------------------------------------------------

void Client::fail(std::string_view sqlstate, std::string_view message, std::string_view hint) {
  std::string error;
  wire::error(error, {"FATAL", sqlstate, message, {}, hint});
  fail_raw(std::move(error));
}

void Client::fail_raw(std::string error) {
  if (state_ == ClientState::closing) return;
  const wire::ErrorView view = wire::read_error(as_bytes(error).subspan(wire::header_size));
  if (hub.logs(LogLevel::info) && hub.settings().log.disconnections) {
    hub.log(LogLevel::info, "client " + database_name + "/" + user + "@" +
                                (stream_ ? stream_->peer_name() : "") +
                                " ended: " + std::string(view.message));
  }
  const Bytes segment = as_bytes(error);
  // In the middle of a message from the server an error of ours would be read as part of it.
  const bool within = (server && server->in_message()) || again_.is_half();
  if (stream_ && !within) stream_->write({&segment, 1});
  end(ClientEvent::failed);
}

void Client::leave(std::string_view why) {
  if (state_ == ClientState::closing) return;
  if (hub.logs(LogLevel::info) && hub.settings().log.disconnections && counted_) {
    hub.log(LogLevel::info, "client " + database_name + "/" + user + "@" +
                                (stream_ ? stream_->peer_name() : "") +
                                " left: " + std::string(why));
  }
  end(ClientEvent::gone);
}

// What both endings have in common.
void Client::end(ClientEvent event) {
  if (pool) leave_line();
  end_cancel_wait(false);
  Cached::drop(*this);  // others may wait for what it asked
  auto& list = state_ == ClientState::waiting ? hub.waiting
               : state_ < ClientState::idle   ? hub.logging_in
                                              : hub.ready;
  apply(event);
  list.remove(*this);
  if (stream_) std::exchange(stream_, nullptr)->close();
  if (counted_) hub.shared.clients.fetch_sub(1);
  leave_listener();
  if (pool) --pool->clients;
  if (login_ && login_->relay) {
    Server* relay = std::exchange(login_->relay, nullptr);
    relay->forget_relay();
    relay->discard("its client left during the login");
  }
  if (server) {
    Server* held = std::exchange(server, nullptr);
    leave_state(*held);
    held->unsent = body_discard_ ? 0 : static_cast<std::uint32_t>(body_left_);
    held->release(mode == config::PoolMode::session && !asked_);
  }
  hub.drop_client(*this);
}

void Client::on_server_lost(Server& lost, Bytes error) {
  server = nullptr;
  forget_resets();
  end_cancel_wait(false);
  if (state_ == ClientState::closing || goes_on_elsewhere(lost, error.empty())) return;
  if (!error.empty() || state_ != ClientState::linked) {
    std::string raw(as_text(error));
    if (raw.empty()) wire::error(raw, {"FATAL", "08006", "the server closed the connection"});
    if (lost.in_message() && stream_)
      return leave("the server was lost in the middle of a message");
    return fail_raw(std::move(raw));
  }
  if (lost.in_message() || again_.is_half()) {
    return leave("the server was lost in the middle of a message");
  }
  lost_statement(lost);
}

// The server died without a word. Where one query or batch outside a transaction block was under
// way, the session can go on after an honest error; else it ends.
void Client::lost_statement(Server& lost) {
  Cached::drop(*this);
  const bool open = lost.in_transaction();
  const bool alone = lost.owes_one_batch() && body_left_ == 0;
  constexpr std::string_view unknown =
      "the server connection was lost; whether the statement took effect is not known";
  if (lost.owed() == 0 || lost.owes_probe_alone()) {
    return fail("08006", open || lost.batch_open
                             ? "the server connection was lost; the transaction is rolled back"
                             : "the server connection was lost");
  }
  // What is here already was sent in the belief that this would succeed, and so may be what is yet
  // to come behind a BEGIN.
  const bool more = !inbox_.empty() || begins_;
  if (open || more || !alone || mode == config::PoolMode::session || state_is_lost()) {
    return fail("08007", unknown);
  }
  lost.take_back_all(*this);
  std::string answer;
  wire::error(answer, {"ERROR", "08007", unknown});
  wire::ready(answer, 'I');
  const Bytes segment = as_bytes(answer);
  stream_->write({&segment, 1});
  batch_done(lost, 'I');
  apply(ClientEvent::server_lost);
  resume_reading();
}

void Client::cancel(std::function<void()> done) {
  if (state_ == ClientState::waiting) {
    refuse({"ERROR", "57014", "canceling statement due to user request"});
    return done();
  }
  if (!server || (!server->owes() && !server->batch_open)) return done();
  if (!server->adapts()) return hub.cancel(*server, std::move(done));
  // It would hit the hidden statements, and what it is meant for would run without them.
  if (!cancels_) cancels_ = std::make_unique<std::vector<std::function<void()>>>();
  cancels_->push_back(std::move(done));
}

// The cancel requests that waited for the hidden statements: sent now, or of no use any more.
void Client::end_cancel_wait(bool send) {
  if (!cancels_) return;
  const auto waiting = std::move(cancels_);
  for (auto& done : *waiting) {
    if (send && server) {
      hub.cancel(*server, std::move(done));
    } else {
      done();
    }
  }
}

void Client::shutdown_notice() {
  fail("57P01", "terminating connection due to administrator command");
}

}  // namespace heim::session
