// LISTEN in mode `auto`: the client's server listens first, then the database's listener takes
// over, and gives back before the client says LISTEN, UNLISTEN or NOTIFY again, or begins a
// transaction.
//
// Both moves are alike. A notification on the fence's channel is seen by both sources: until it is
// there, the old one counts, from then on the new one. What the new source tells before the old one
// has come so far waits.
#include <algorithm>
#include <set>

#include "session/hub.hpp"
#include "session/listener.hpp"
#include "session/pool.hpp"

namespace heim::session {
namespace {

using namespace sql::effect;

using Channels = std::set<std::string, std::less<>>;

constexpr std::uint8_t most_failures = 3;
constexpr std::size_t kept_limit = std::size_t{16} << 20;
// Before it moves out again, a client that took its channels back shall have been quiet so long.
constexpr Duration quiet_time = std::chrono::seconds(1);
// What has to find the session's channels on its own server.
constexpr sql::Effects needs_channels = listens | unlistens | notifies | sql::effect::transaction;

struct Unlistened {
  bool all = false;
  Channels some;
};

std::vector<std::string> list(const Channels& channels) {
  return {channels.begin(), channels.end()};
}

}  // namespace

struct Client::Listening {
  enum class Move : std::uint8_t {
    none,
    joining,   // the listener is asked for the channels of `moving`
    ready,     // it has them; the client's server has to be idle for what follows
    out,       // the fence is on its way
    forget,    // the client's server has to be idle again
    unlisten,  // it is told to forget
    back,      // the fence of the way back is
  };
  Pool* at = nullptr;  // whose listener has `shared` and `moving`
  Channels own;        // its server tells of them
  Channels shared;     // the listener does
  Channels moving;     // of `own` (out), or of `shared` (back)
  Move move = Move::none;
  std::string fence;
  std::uint64_t number = 0;                             // of the fence that is on its way
  std::uint32_t round = 0;                              // of what the listener was asked last
  bool server_passed = false, listener_passed = false;  // the fence was seen there
  bool server_done = false;                             // it listens, or does not any more
  std::uint8_t failures = 0;                            // of this move
  bool notifies = false;  // itself: its server keeps its channels, for what it tells itself
  bool deaf = false;      // the listener has no connection
  Unlistened unlistened;  // in a transaction that found the channels away
  Unlistened gone;        // and it is over: forgotten once nothing moves
  Instant back_at{};
  std::vector<std::string> kept;  // whole messages
  std::vector<std::string> next;  // of the new source, until the old one has passed the fence
  std::size_t kept_bytes = 0;

  bool moves() const { return move >= Move::out; }
  bool moves_out() const { return moves() && move != Move::back; }
  void keep(std::string message, bool later = false) {
    kept_bytes += message.size();
    (later ? next : kept).push_back(std::move(message));
  }
  void old_source_passed() {
    for (std::string& message : std::exchange(next, {})) kept.push_back(std::move(message));
  }
};

template <>
void Client::Deleter<Client::Listening>::operator()(Listening* listening) const {
  delete listening;
}

bool Client::moves_channels() const { return listening_ && listening_->moves(); }

bool Client::listens_elsewhere() const { return listening_ && !listening_->shared.empty(); }

void Client::at_listener(std::function<void(Listener&)> work) {
  hub.at_listener(*listening_->at, std::move(work));
}

// ---- to the listener ---------------------------------------------------------------

// The server says on which channels it listens for the session.
void Client::adopt_channels(const std::vector<std::string>& channels) {
  if (!listening_ && channels.empty()) return;
  if (!listening_) listening_.reset(new Listening);
  Listening& mine = *listening_;
  if (mine.moves()) return;
  mine.own = Channels(channels.begin(), channels.end());
  mine.own.erase(mine.fence);
  forget_channels();
  if (mine.move != Listening::Move::none && mine.moving != mine.own) {
    unsubscribe(list(std::exchange(mine.moving, {})));
    mine.move = Listening::Move::none;
  }
  if (mine.own.empty() && mine.shared.empty()) leave_listener();
}

// UNLISTEN in a transaction that began before its channels were here.
void Client::forget_channels() {
  Listening& mine = *listening_;
  if (!mine.gone.all && mine.gone.some.empty()) return;
  Unlistened said = std::exchange(mine.gone, {});
  Channels gone = said.all ? mine.shared : std::move(said.some);
  std::erase_if(gone, [&](const std::string& channel) { return mine.shared.erase(channel) == 0; });
  unsubscribe(list(gone));
}

// What was said so far is done, or has failed; what comes from now on is in doubt.
void Client::settle_unlistened(bool failed) {
  if (!listening_) return;
  Unlistened said = std::exchange(listening_->unlistened, {});
  if (failed) return;
  listening_->gone.all |= said.all;
  listening_->gone.some.merge(said.some);
}

void Client::unsubscribe(std::vector<std::string> channels) {
  if (channels.empty()) return;
  const Listener::Subscriber me{hub.worker, id};
  at_listener([me, channels = std::move(channels)](Listener& listener) {
    listener.unsubscribe(me, channels);
  });
}

void Client::leave_listener() {
  if (!listening_) return;
  Listening& mine = *listening_;
  Channels all = std::exchange(mine.shared, {});
  if (mine.move != Listening::Move::none) all.merge(mine.moving);
  unsubscribe(list(all));
  mine.moving.clear();
  mine.move = Listening::Move::none;
}

// Its server is idle.
void Client::move_channels_out() {
  if (!listening_) return;
  Listening& mine = *listening_;
  if (mine.move == Listening::Move::forget) {
    mine.move = Listening::Move::unlisten;
    return ask_channels(unlisten_sql(list(mine.moving)) + unlisten_sql({mine.fence}));
  }
  if (holds_ != hold_listen) return;
  // Only what it listens on now may move: a statement may have come between.
  if ((effects_ & (listens | unlistens)) != 0) return ask_state();
  if (mine.move == Listening::Move::ready) return mine.deaf ? void() : send_fence();
  if (mine.move != Listening::Move::none || mine.own.empty() || mine.notifies) return;
  const bool wanted = pool->record.waiters.load(std::memory_order_relaxed) != 0;
  if (!wanted && mine.back_at != Instant{} && hub.now() - mine.back_at < quiet_time) {
    return look_again();
  }
  // As long as some are there, others join them there.
  if (mine.shared.empty()) mine.at = pool;
  if (mine.at != pool) return;
  mine.move = Listening::Move::joining;
  mine.moving = mine.own;
  const Listener::Asker me{{hub.worker, id}, ++mine.round};
  at_listener(
      [me, channels = list(mine.moving)](Listener& listener) { listener.subscribe(me, channels); });
}

void Client::look_again() {
  if (std::exchange(looks_again_, true)) return;
  hub.at_tick([session = id](Hub& later) {
    Client* client = later.find(session);
    if (!client) return;
    client->looks_again_ = false;
    client->try_release();
  });
}

void Client::on_subscribed(bool ok, const std::string& fence, std::uint32_t round) {
  if (!listening_) return;
  Listening& mine = *listening_;
  mine.fence = fence;
  mine.deaf = false;
  if (mine.move != Listening::Move::joining || mine.round != round) return;
  if (!ok) {
    // They stay where they are.
    unsubscribe(list(mine.moving));
    mine.move = Listening::Move::none;
    mine.notifies = true;
    return;
  }
  mine.move = Listening::Move::ready;
  try_release();
}

void Client::send_fence() {
  Listening& mine = *listening_;
  mine.move = Listening::Move::out;
  ask_channels(fence_sql());
}

// The statement that both sources see.
std::string Client::fence_sql() {
  Listening& mine = *listening_;
  mine.server_passed = mine.listener_passed = mine.server_done = false;
  mine.number = hub.shared.next_id.fetch_add(1);
  const std::string token = fence_token({hub.worker, id}, mine.number);
  return "LISTEN \"" + mine.fence + "\";NOTIFY \"" + mine.fence + "\",'" + token + "'";
}

// Something about channels is said to the idle server, and what came of it is asked.
void Client::ask_channels(const std::string& sql) {
  Out out;
  server->ask(sql, out, Reply::query_lenient);
  server->write(out);
  effects_ |= listens;
  ask_state();
}

// The server has answered.
void Client::go_on_moving(const std::vector<std::string>& channels) {
  if (!listening_ || !listening_->moves()) return;
  Listening& mine = *listening_;
  const auto moves = [&](const std::string& channel) { return mine.moving.contains(channel); };
  const bool some = std::any_of(channels.begin(), channels.end(), moves);
  if (!mine.server_passed || (mine.move == Listening::Move::unlisten && some)) {
    return mine.failures++ < most_failures ? ask_again() : stop_moving();
  }
  mine.failures = 0;
  if (mine.moves_out()) {
    // A transaction may have begun to listen meanwhile.
    mine.own = Channels(channels.begin(), channels.end());
    mine.own.erase(mine.fence);
    std::erase_if(mine.own, moves);
  }
  if (mine.move == Listening::Move::out) {
    mine.move = Listening::Move::forget;
  } else if (mine.move != Listening::Move::forget) {
    mine.server_done = true;
    end_move();
  }
}

// A cancel of the client's that came late may have hit what we asked: nothing of it was done.
void Client::ask_again() {
  Listening& mine = *listening_;
  if (mine.move == Listening::Move::back) return ask_back();
  if (mine.move == Listening::Move::out) return send_fence();
  ask_channels(unlisten_sql(list(mine.moving)) + unlisten_sql({mine.fence}));
}

// The server did not do what it was told.
void Client::stop_moving() {
  Listening& mine = *listening_;
  if (mine.move != Listening::Move::out) {
    return fail("08006", "the channels of this session could not be moved to another connection");
  }
  unsubscribe(list(std::exchange(mine.moving, {})));
  mine.move = Listening::Move::none;
  mine.notifies = true;  // not tried again
  mine.next.clear();
}

// False as long as one side has not passed the fence, or the server is not done.
bool Client::end_move() {
  Listening& mine = *listening_;
  if (!mine.server_done || !mine.server_passed || !mine.listener_passed) return false;
  if (mine.moves_out()) {
    mine.shared.merge(mine.moving);
    if (mine.own.empty()) holds_ &= static_cast<Holds>(~hold_listen);
    pinned = hold_reason();
  } else {
    mine.own = std::exchange(mine.shared, {});
    unsubscribe(list(mine.own));
    mine.back_at = hub.now();
  }
  mine.moving.clear();
  mine.move = Listening::Move::none;
  forget_channels();
  deliver_kept();
  return true;
}

// ---- and back ------------------------------------------------------------------------

// True if the statement has to wait until the session's channels are on its own server.
bool Client::takes_channels_back(sql::Effects effects) {
  if (!listening_ || (effects & needs_channels) == 0) return false;
  Listening& mine = *listening_;
  mine.notifies |= (effects & notifies) != 0;
  if (server->in_transaction() || server->batch_open) return false;
  if (mine.moves()) return true;
  if (mine.shared.empty()) return false;
  if (server->owes()) return true;
  mine.move = Listening::Move::back;
  mine.moving = mine.shared;
  hold_server(hold_listen);
  ask_back();
  return true;
}

void Client::ask_back() {
  Listening& mine = *listening_;
  // The fence's own channel is none of the client's.
  Out out;
  server->ask(listen_sql(list(mine.shared)) + fence_sql(), out, Reply::query_lenient);
  server->write(out);
  ask_channels("UNLISTEN \"" + mine.fence + "\"");
  mine.listener_passed = mine.deaf;
}

// UNLISTEN where it is too late for that.
void Client::note_channels(const sql::Script& script) {
  if (!listens_elsewhere() && !moves_channels()) return;
  for (const sql::Statement& statement : script.statements) {
    if (statement.kind == sql::Kind::rollback) settle_unlistened(true);
    if (statement.kind != sql::Kind::unlisten) continue;
    if (statement.name.empty()) {
      listening_->unlistened.all = true;
    } else {
      listening_->unlistened.some.insert(statement.name);
    }
  }
}

// ---- what it is told -------------------------------------------------------------------

// By its own server. True if that goes to the client now.
bool Client::on_notification(Server&, Bytes frame) {
  if (!listening_) return true;
  auto what = read_notification(frame);
  if (!what) return true;
  Listening& mine = *listening_;
  if (!mine.fence.empty() && what->channel == mine.fence) {
    const bool mark = what->payload == fence_token({hub.worker, id}, mine.number);
    if (!mark || !mine.moves()) return false;
    mine.server_passed = true;
    if (mine.moves_out()) mine.old_source_passed();
    return false;
  }
  if (mine.moves_out() && mine.moving.contains(what->channel)) return !mine.server_passed;
  if (!mine.shared.contains(what->channel)) return true;
  if (!mine.server_passed || mine.move != Listening::Move::back) return false;
  if (mine.listener_passed) return true;
  mine.keep(std::move(what->frame), true);
  return false;
}

// By the listener.
void Client::on_told(const Notification& what) {
  if (!listening_ || state_ == ClientState::closing) return;
  Listening& mine = *listening_;
  if (mine.moves_out() && mine.moving.contains(what.channel)) {
    if (mine.listener_passed) mine.keep(what.frame, !mine.server_passed);
  } else if (mine.shared.contains(what.channel)) {
    const bool passed = mine.move == Listening::Move::back && mine.listener_passed;
    if (!passed) mine.keep(what.frame);
  }
  deliver_kept();
}

void Client::on_fence(std::uint64_t number) {
  if (!listening_ || !listening_->moves() || listening_->number != number) return;
  listening_->listener_passed = true;
  if (!listening_->moves_out()) listening_->old_source_passed();
  if (!end_move()) return;
  on_batch_end();
  if (server) try_release();
}

void Client::on_listener_back() {
  if (!listening_ || state_ == ClientState::closing) return;
  listening_->deaf = false;
  if (server) try_release();
}

// What was told meanwhile, nobody heard.
void Client::on_listener_lost() {
  if (!listening_ || state_ == ClientState::closing) return;
  std::string warning;
  wire::error(warning,
              {"WARNING", "01000", "notifications may have been lost",
               "The connection that listened for this session was lost; it is opened again."},
              'N');
  listening_->deaf = true;
  listening_->keep(std::move(warning));
  deliver_kept();
  // Its side of the fence will not come any more.
  if (listening_ && listening_->moves()) on_fence(listening_->number);
}

// Between transactions, as PostgreSQL does.
void Client::deliver_kept() {
  if (!listening_ || listening_->kept_bytes == 0 || !stream_) return;
  Listening& mine = *listening_;
  if (mine.kept_bytes + stream_->backlog() > kept_limit) {
    return fail("53200", "more than 16 MiB of notifications wait for this session",
                "It has to read them, and to end its transaction.");
  }
  if (!again_.empty()) return;  // amid an answer, which has to be asked for again
  if (server && (server->in_transaction() || server->batch_open || server->owes_client() ||
                 server->in_message())) {
    return;
  }
  for (const std::string& message : std::exchange(mine.kept, {})) {
    const Bytes segment = as_bytes(message);
    stream_->write({&segment, 1});
    mine.kept_bytes -= message.size();
  }
}

}  // namespace heim::session
