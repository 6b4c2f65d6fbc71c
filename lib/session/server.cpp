#include "session/server.hpp"

#include "session/client.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"
#include "wire/encoder.hpp"

namespace heim::session {
namespace {

Pool::Servers* list_of(Pool& pool, ServerState state) {
  switch (state) {
    case ServerState::connecting:
    case ServerState::asking_tls:
    case ServerState::tls:
    case ServerState::login:
      return &pool.opening;
    case ServerState::idle:
      return &pool.idle;
    case ServerState::linked:
      return &pool.linked;
    case ServerState::cleaning:
    case ServerState::canceling:
      return &pool.cleaning;
    default:
      return nullptr;
  }
}

}  // namespace

Server::Server(Hub& the_hub, Pool& the_pool, std::uint64_t the_id)
    : hub(&the_hub), pool(&the_pool), id(the_id) {
  born = since = last_use = checked = hub->now();
  parameters = hub->setting_table.empty();
  vars = parameters;
  pool->opening.push_back(*this);
}

Server::~Server() = default;

void Server::apply(ServerEvent event) {
  const ServerTransition* row = find(state_, event);
  if (!row) {
    hub->log(LogLevel::error, "bug: server connection in state " + std::string(name(state_)) +
                                  " met event " + std::string(name(event)));
    if (state_ != ServerState::closing) discard("internal error");
    return;
  }
  Pool::Servers* from = list_of(*pool, state_);
  state_ = row->to;
  Pool::Servers* to = list_of(*pool, state_);
  since = hub->now();
  if (from != to) {
    if (from) from->remove(*this);
    if (to == &pool->idle) {
      to->push_front(*this);
    } else if (to) {
      to->push_back(*this);
    }
    if (from == &pool->idle || to == &pool->idle) pool->set_idle_count();
  }
}

void Server::discard(std::string_view why, Bytes error) {
  if (state_ == ServerState::closing) return;
  const bool opening = state_ < ServerState::idle;
  const std::string last_words(as_text(error));  // `error` may point into carry_
  if (hub->logs(LogLevel::info)) {
    hub->log(LogLevel::info, "server " + pool->record.key.database + "/" + pool->record.key.user +
                                 " at " + peer + " closed: " + std::string(why));
  }
  apply(ServerEvent::lost);
  if (stream) {
    if (!opening) {
      std::string bye;
      wire::message(bye, 'X', {});
      const Bytes segment = as_bytes(bye);
      stream->write({&segment, 1});
    }
    stream->close();
    stream = nullptr;
    hub->withheld.erase(id);
  }
  end_writes(freshness::Outcome::unknown);
  Holder* holder = std::exchange(holder_, nullptr);
  if (holder) --hub->guide.load(pool->record.key.node).active;
  Client* relay = std::exchange(relay_, nullptr);
  if (auto order = hub->shared.broker.closed(pool->record, opening)) hub->order(*order);
  hub->bury(this);
  if (relay) relay->relay_failed(as_bytes(last_words));
  if (holder) holder->on_server_lost(*this, as_bytes(last_words));
}

void Server::take(Holder& holder, std::uint64_t whose, std::uint32_t life, const Settings& wanted,
                  Out& out) {
  apply(ServerEvent::taken);
  holder_ = &holder;
  ++hub->guide.load(pool->record.key.node).active;
  ++links_;
  ready_seen_ = error_seen = probed_ = probe_failed_ = apart = undone_ = false;
  apart_error.clear();
  if (whose != holder_id || life != holder_life) {
    if (reset_needed_ || (set_seen_ && has_statements())) {
      ask("DISCARD ALL", out);
      prepared.clear();
      orphans.clear();
      vars = hub->setting_table.empty();
    } else if (set_seen_) {
      vars = nullptr;
    }
    reset_needed_ = set_seen_ = false;
    holder_id = whose;
    holder_life = life;
  }
  if (sequence_owner != 0 && sequence_owner != whose && pool->record.reads_sequences(hub->now())) {
    forget_sequences(out);
  }
  if (vars != wanted && !dedicated) adapt(wanted, out);
  if (holder.had_temp() && !has_temp_schema && !dedicated) make_temp_schema(out);
}

// Of SQL's PREPARE.
bool Server::has_statements() const {
  return vars && !vars->items.empty() && is_statement_item(vars->items.front().first);
}

void Server::make_temp_schema(Out& out) {
  ask("SET LOCAL transaction_read_only=off;CREATE TEMPORARY TABLE heim_temp AS SELECT;"
      "DROP TABLE pg_temp.heim_temp",
      out, Reply::query_lenient);
  has_temp_schema = true;
}

void Server::forget_sequences(Out& out) {
  ask("DISCARD SEQUENCES", out, Reply::query_lenient);
  forgot_sequences();
}

void Server::adapt(const Settings& wanted, Out& out) {
  // A statement that cannot be prepared any more is missing: its client is told when it uses it.
  for (const std::string& text : sync_deallocates(vars.get(), *wanted)) {
    ask(text, out, Reply::query_lenient);
  }
  const std::string sql = sync_sql(vars.get(), *wanted);
  if (!sql.empty()) ask(sql, out);
  for (const std::string_view text : sync_prepares(vars.get(), *wanted)) {
    ask(text, out, Reply::query_lenient);
  }
  vars = wanted;
}

void Server::adopt(Settings now) {
  vars = std::move(now);
  set_seen_ = reset_needed_ = false;
}

const Settings& Server::parameters_for(bool split) {
  if (!split) return parameters;
  if (split_of != parameters) {
    split_of = split_parameters = parameters;
    if (parameters->find("in_hot_standby")) {
      split_parameters = hub->setting_table.with(parameters, "in_hot_standby", "off");
    }
  }
  return split_parameters;
}

bool Server::is_clean() const {
  return expected_.empty() && tx_ == 'I' && !copy_in_ && unsent == 0 && !batch_open && !skipping &&
         carry_.empty() && body_left_ == 0 && !uncertain_;
}

bool Server::owes_client() const {
  for (std::size_t i = 0; i < expected_.size(); ++i) {
    if (!is_hidden_query(expected_.at(i).reply)) return true;
  }
  return false;
}

bool Server::owes_one_batch() const {
  std::size_t ends = 0;
  for (std::size_t i = 0; i < expected_.size(); ++i) {
    const Reply reply = expected_.at(i).reply;
    const bool ours = is_hidden_query(reply) || reply == Reply::sync_hidden;
    if (ends_at_ready(reply) && !ours) ++ends;
  }
  return ends == 1 && !batch_open && !uncertain_;
}

bool Server::owes_earlier() const {
  for (std::size_t i = 0; i < expected_.size(); ++i) {
    const Reply reply = expected_.at(i).reply;
    if (ends_at_ready(reply) && !is_hidden_query(reply)) return true;
  }
  return false;
}

bool Server::may_run_something() const {
  for (std::size_t i = 0; i < expected_.size(); ++i) {
    const Reply reply = expected_.at(i).reply;
    if (reply == Reply::execute || (ends_at_ready(reply) && !is_sync(reply))) return true;
  }
  return false;
}

// Why it cannot be of use to anybody else; empty if it can.
std::string_view Server::why_unfit() const {
  if (dedicated) return "its client left";
  if (unsent > 0) return "its client left in the middle of a message";
  if (uncertain_ || copy_syncs_ > 0) return "its client left a COPY that may have failed";
  if (close_when_idle) return "it was to be closed when free";
  return {};
}

void Server::release(bool untouched) {
  if (holder_) --hub->guide.load(pool->record.key.node).active;
  holder_ = nullptr;
  used |= !untouched;
  retry_ = elsewhere_ = ready_seen_ = false;
  kept.clear();
  lost_names.clear();
  absent.clear();
  repeatable.clear();
  request_start = {};
  last_use = hub->now();
  if (read_paused && stream) {
    read_paused = false;
    stream->resume();
  }
  if (const std::string_view why = why_unfit(); !why.empty()) return discard(why);
  const config::Proxy& proxy = hub->settings().proxy;
  const bool reset = (pool->mode == config::PoolMode::session || proxy.server_reset_query_always) &&
                     !proxy.server_reset_query.empty();
  if ((reset && !untouched) || reset_now_ || !is_clean() || backlog() > 0) {
    return start_cleaning();
  }
  if (cancels_ > 0) return apply(ServerEvent::held);
  apply(ServerEvent::given_back);
  pool->give(*this);
}

void Server::pin() { reset_needed_ = true; }

void Server::leave_hub() { hub = nullptr; }

void Server::join_hub(Hub& next, Pool& next_pool) {
  hub = &next;
  pool = &next_pool;
  // Interned lists belong to a worker: equal ones are one object there only.
  parameters = next.setting_table.intern(parameters->items);
  if (vars) vars = next.setting_table.intern(vars->items);
  split_of = split_parameters = nullptr;
}

void Server::ask(std::string_view sql, Out& out, Reply reply) {
  std::string query;
  wire::text_message(query, 'Q', sql);
  out.copy(query);
  expect(reply);
  // A simple query destroys the unnamed statement.
  prepared.drop_unnamed();
}

void Server::sync_hidden(Out& out) {
  std::string message;
  wire::message(message, 'S', {});
  out.copy(message);
  expect(Reply::sync_hidden);
}

void Server::ask_certainty() {
  Out out;
  std::string message;
  wire::Writer(message, 'C').u8('S').string("heim_none");
  out.copy(message);
  expect(Reply::close_hidden);
  sync_hidden(out);
  write(out);
}

void Server::expect_sync() {
  const bool among_data = copy_in_ && !copy_end_sent_ && expected_.size() == 1;
  if (among_data) {
    ++copy_syncs_;
    return;
  }
  expect(copy_end_sent_ ? Reply::sync_after : Reply::sync);
  batch_open = skipping = false;
}

void Server::write(Out& out) {
  if (stream) {
    pool->meter->total.sent += out.size();
    if (holds_back(out)) return out.clear();
    out.flush(*stream);
  } else {
    out.clear();
  }
}

namespace {

void wire_made(Reply reply, std::string& out) {
  wire::message(out, reply == Reply::parse_made ? '1' : '3', {});
}

}  // namespace

void Server::emit_made(Out& out) {
  if (in_message() || (uncertain_ && tells_end_of_copy())) {
    made_after_ = true;
    return;
  }
  while (!expected_.empty()) {
    const Expected::Entry entry = expected_.front();
    if (!is_made(entry.reply)) return;
    if (entry.reply == Reply::describe_made) {
      made_scratch_ = undo.front().said_first;
    } else {
      wire_made(entry.reply, made_scratch_);
    }
    out.copy(made_scratch_);
    made_scratch_.clear();
    confirm(entry);
    expected_.pop();
  }
}

// It belongs to no statement. What the holder itself notified comes from the process that the
// holder knows.
bool Server::on_notification(Bytes frame, bool whole) {
  if (!has_audience() || !whole || frame.size() < wire::header_size + 4) return true;
  std::string shown(as_text(frame));
  auto* pid = reinterpret_cast<std::uint8_t*>(shown.data()) + wire::header_size;
  const std::uint32_t told = holder_->told_pid();
  if (told != 0 && load_be32(pid) == backend_pid) store_be32(pid, told);
  if (holder_->on_notification(*this, as_bytes(shown))) hub->to_client.copy(shown);
  return false;
}

void Server::on_bytes(Stream&, Bytes bytes) {
  hub->sweep();
  pool->meter->total.received += bytes.size();
  if (state_ == ServerState::asking_tls) return on_tls_answer(bytes);
  if (!withholds(bytes)) feed(bytes);
}

void Server::on_drained(Stream&) {
  // The server took what we had: its client may be read again.
  if (holder_) return holder_->on_server_drained();
  if (state_ == ServerState::cleaning) continue_cleaning();
}

void Server::on_end(Stream&, const StreamEnd& end) {
  hub->sweep();
  std::string why = end.message.empty() ? "the server closed the connection" : end.message;
  if (state_ < ServerState::idle) {
    if (retry_with_tls()) return;
    std::string error = last_error_;
    if (error.empty()) {
      hub->node_failed(*pool);
      wire::error(error, {"FATAL", "08006",
                          "cannot connect to server " +
                              hub->shared.nodes.node(pool->record.key.node).name + ": " + why});
      discard(why, as_bytes(error));
      return hub->login_failed(*pool, as_bytes(error), false);
    }
    discard(why, as_bytes(error));
    // What a client got wrong says nothing about the pool.
    return judging_ ? void() : hub->login_failed(*pool, as_bytes(error), true, tried_);
  }
  const std::string error = last_error_;
  if (holder_) {
    ++pool->faults;
    if (hub->shared.reports) hub->shared.reports->unreachable(pool->record.key.node);
  }
  discard(why, as_bytes(error));
}

void Server::cancel_finished() {
  if (--cancels_ > 0 || state_ != ServerState::canceling) return;
  apply(ServerEvent::cancel_over);
  pool->give(*this);
}

void Server::relay_password(Bytes message) {
  if (stream) stream->write({&message, 1});
}

}  // namespace heim::session
