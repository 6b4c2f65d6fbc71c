#include "backend.hpp"

#include <cstdio>

#include "server.hpp"
#include "wire/encoder.hpp"
#include "wire/framer.hpp"

namespace heim::sim {
namespace {
constexpr std::size_t send_buffer = 8192;  // PostgreSQL's PQ_SEND_BUFFER_SIZE
}

Backend::Backend(Server& server, Endpoint& stream, std::uint64_t id)
    : server_(server), stream_(&stream), id_(id) {
  for (int i = 0; i < 4; ++i) secret_ += static_cast<char>(server_.random().below(256));
}

std::string Backend::describe() const {
  return "backend " + std::to_string(id_) + " of " + server_.settings().host + " (" + pool_ + ")" +
         (session_ ? ": " + session_->describe() : "");
}

// ---- login

void Backend::on_bytes(Stream&, Bytes bytes) {
  in_ += as_text(bytes);
  if (phase_ == Phase::startup) read_startup();
  if (phase_ == Phase::session) read_messages();
}

void Backend::read_startup() {
  while (phase_ == Phase::startup && !in_.empty()) {
    if (in_[0] == 0x16 && server_.settings().tls && !stream_->is_tls()) {
      const std::string hello = std::move(in_);
      in_.clear();
      return stream_->start_tls_server(as_bytes(hello));
    }
    const auto length = wire::startup_length(as_bytes(in_));
    if (!length) return refuse("08P01", length.error().message);
    if (*length == 0 || in_.size() < *length) return;
    const auto packet = wire::read_startup(as_bytes(in_).first(*length));
    in_.erase(0, *length);
    if (!packet) return refuse(packet.error().sqlstate, packet.error().message);
    on_packet(*packet);
  }
}

void Backend::on_packet(const wire::StartupPacket& packet) {
  switch (packet.kind) {
    case wire::StartupKind::gssenc:
      return stream_->write("N");
    case wire::StartupKind::ssl:
      stream_->write(server_.settings().tls ? "S" : "N");
      if (server_.settings().tls) stream_->start_tls_server({});
      return;
    case wire::StartupKind::cancel: {
      Endpoint& stream = *stream_;
      phase_ = Phase::gone;  // the postmaster's child for this request; it never becomes a session
      stream.purpose = "cancel";
      return server_.on_cancel_request(packet.cancel_pid, packet.cancel_secret, stream);
    }
    case wire::StartupKind::startup:
      return begin_session(packet);
  }
}

void Backend::on_tls(Stream&, const TlsInfo&) {}

void Backend::refuse(std::string_view sqlstate, const std::string& message) {
  wire::error(out_, {"FATAL", sqlstate, message});
  flush();
  exit();
}

void Backend::begin_session(const wire::StartupPacket& packet) {
  if (const std::string answer = wire::negotiate(packet, 2); !answer.empty()) out_ += answer;
  const std::string user(packet.find("user"));
  std::string database(packet.find("database"));
  if (database.empty()) database = user;
  pool_ = stream_->purpose = database + "/" + user;
  if (user.empty()) return refuse("28000", "no PostgreSQL user name specified in startup packet");
  if (database == "missing") return refuse("3D000", "database \"missing\" does not exist");
  if (server_.live() >= server_.settings().max_connections) {
    return refuse("53300", "sorry, too many clients already");
  }
  Gucs gucs;
  if (server_.database().in_recovery()) gucs.set_fixed("in_hot_standby", "on");
  for (const auto& [name, value] : packet.parameters) {
    if (name == "user" || name == "database" || name == "replication" || name == "options")
      continue;
    if (!gucs.set_default(name, value)) {
      return refuse("42704", "unrecognized configuration parameter \"" + name + "\"");
    }
  }
  session_.emplace(this, std::move(gucs));
  session_->set_user(user);
  phase_ = Phase::forking;
  if (server_.on_session) server_.on_session(*this);
  const Duration fork = server_.random().between(microseconds(100), milliseconds(2));
  server_.scheduler().after(fork, "fork", id_, [this] { greet(); });
}

void Backend::greet() {
  if (phase_ != Phase::forking) return;
  greet_due_ = server_.frozen();
  if (greet_due_) return;
  phase_ = Phase::session;
  wire::authentication(out_, 0);
  for (const auto& [name, value] : session_->gucs().reported())
    wire::parameter_status(out_, name, value);
  wire::Writer(out_, 'K').u32(pid()).bytes(secret_);
  wire::ready(out_, 'I');
  flush();
  server_.scheduler().trace("backend " + std::to_string(id_), "serves " + pool_);
  read_messages();
}

// ---- messages

void Backend::read_messages() {
  Bytes rest = as_bytes(in_);
  while (phase_ == Phase::session) {
    wire::Header header;
    const wire::Peek peek = wire::peek(wire::Origin::client, rest, header);
    if (peek == wire::Peek::more || (peek == wire::Peek::ok && rest.size() < header.total())) break;
    if (peek != wire::Peek::ok) {
      server_.database().judge().fail("a server was sent bytes that are no message: tag " +
                                      std::to_string(rest[0]) + " to " + describe());
      return;
    }
    const std::string_view body = as_text(rest.subspan(wire::header_size, header.body));
    if (server_.scheduler().tracing()) {
      std::string text = std::string("<- ") + static_cast<char>(header.tag) + " ";
      for (const char c : body.substr(0, 300)) text += c >= ' ' && c < 127 ? c : '.';
      server_.scheduler().trace("backend " + std::to_string(id_), text);
    }
    session_->receive(static_cast<char>(header.tag), body);
    rest = rest.subspan(header.total());
  }
  in_.erase(0, in_.size() - rest.size());
  // A process that works does not read: what comes meanwhile fills the kernel's buffers.
  if (stream_ && !paused_ && !eof_ && session_->waiting() > 4) {
    paused_ = true;
    stream_->pause();
  }
  wake(Duration(0));
}

void Backend::wake(Duration delay) {
  if (awake_ || phase_ != Phase::session) return;
  awake_ = true;
  const Duration jitter = server_.random().between(Duration(0), microseconds(20));
  server_.scheduler().after(delay + jitter + server_.slowness(), "step", id_, [this] { step(); });
}

void Backend::step() {
  awake_ = false;
  if (phase_ != Phase::session || blocked()) return;  // on_drained() goes on
  if (server_.frozen() || waits_for_standby()) return;
  bool must_flush = false;
  Duration work{};
  const Session::Progress progress = session_->step(out_, must_flush, work);
  if (must_flush || out_.size() >= send_buffer) flush();
  if (paused_ && session_->waiting() < 2 && stream_) {
    paused_ = false;
    stream_->resume();
  }
  if (progress == Session::Progress::ended) return exit();
  if (progress == Session::Progress::worked) return wake(work);
  if (eof_) exit();
}

bool Backend::waits_for_standby() const { return committed_ > server_.synchronized(); }

void Backend::release() {
  if (committed_ == 0 || waits_for_standby()) return;
  committed_ = 0;
  flush();
  wake(Duration(0));
}

void Backend::thaw() {
  if (greet_due_) return greet();
  if (phase_ == Phase::session) read_messages();
}

void Backend::flush() {
  if (waits_for_standby()) return;
  if (!out_.empty() && stream_) stream_->write(out_);
  out_.clear();
}

void Backend::on_drained(Stream&) { wake(Duration(0)); }

// ---- the end

void Backend::on_end(Stream&, const StreamEnd&) {
  eof_ = true;
  if (phase_ == Phase::session) return wake(Duration(0));
  if (phase_ == Phase::gone) {  // a cancel request; its answer closes the stream
    return;
  }
  exit();
}

void Backend::exit() {
  if (phase_ == Phase::gone) return;
  phase_ = Phase::gone;
  server_.scheduler().trace("backend " + std::to_string(id_), "exits");
  if (session_) session_->lose_transaction();
  if (stream_ && !stream_->closed()) stream_->close(seconds(5));
  stream_ = nullptr;
}

void Backend::cancel() {
  if (phase_ == Phase::session) session_->cancel();
}

void Backend::terminate(std::string_view sqlstate, const std::string& message) {
  if (phase_ == Phase::gone) return;
  wire::error(out_, {"FATAL", sqlstate, message});
  flush();
  exit();
}

void Backend::crash() {
  if (stream_ && !stream_->closed()) stream_->reset();
  exit();
}

void Backend::notify(const std::string& channel, const std::string& payload) {
  if (phase_ != Phase::session || !channels_.contains(channel)) return;
  session_->notify(channel, payload);
  wake(Duration(0));
}

// ---- the session's world

void Backend::on_started(const Statement& statement, const std::string& tag, std::uint64_t block) {
  server_.scheduler().trace("backend " + std::to_string(id_), "starts " + tag);
  Database& database = server_.database();
  const bool writes = statement.writes();
  if (writes) database.work(server_.scheduler().now());
  database.judge().started({id_, block, tag, writes, statement.repeatable(),
                            statement.ends_transaction(), database.timeline(),
                            database.in_recovery()});
}
void Backend::on_refused(const std::string& tag) { server_.database().judge().refused(tag); }
Snapshot Backend::take_snapshot() { return server_.database().snapshot(); }
std::string Backend::newest(const std::string& table, Snapshot snapshot) {
  return server_.database().newest(table, snapshot);
}
bool Backend::conflicts() {
  const std::uint32_t often = server_.settings().conflicts;
  return often > 0 && read_only() && server_.random().chance(often);
}
std::string Backend::wal_position(const std::string& function) {
  const Database& database = server_.database();
  const bool replayed = function == "pg_last_wal_replay_lsn";
  char text[32];
  std::snprintf(
      text, sizeof text, "0/%llX",
      static_cast<unsigned long long>(replayed ? database.replayed_lsn() : database.insert_lsn()));
  return text;
}
void Backend::on_block_begun(const std::string& tag, std::uint64_t block) {
  server_.database().judge().block_begun(id_, block, tag);
}
void Backend::on_cancelled(const std::string& tag) {
  server_.scheduler().trace("backend " + std::to_string(id_), "is cancelled in " + tag);
  server_.database().judge().cancelled(tag);
}
void Backend::on_commit(const std::vector<Write>& writes) {
  server_.database().commit(writes, server_.scheduler().now());
  committed_ = server_.database().insert_lsn();
  if (server_.on_wal) server_.on_wal();
}
std::string Backend::read(const std::string& key) { return server_.database().read(key); }
bool Backend::read_only() { return server_.database().in_recovery(); }
std::uint64_t Backend::schema() { return server_.database().schema(); }
void Backend::alter() { server_.database().alter(); }
void Backend::listen(const std::string& channel, bool on) {
  if (channel == "*") {
    channels_.clear();
  } else if (on) {
    channels_.insert(channel);
  } else {
    channels_.erase(channel);
  }
}
void Backend::notify_all(const std::string& channel, const std::string& payload) {
  server_.notify_all(database(), channel, payload);
}

}  // namespace heim::sim
