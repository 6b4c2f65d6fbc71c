#include "client.hpp"

#include "wire/encoder.hpp"
#include "wire/framer.hpp"
#include "wire/messages.hpp"

namespace heim::sim {

CancelCall::CancelCall(Host& host, const Target& target, std::string packet)
    : packet_(std::move(packet)) {
  host.connect_endpoint(target, *this);
}
void CancelCall::on_connected(Stream& stream) {
  const Bytes bytes = as_bytes(packet_);
  stream.write(std::span(&bytes, 1));
}
void CancelCall::on_bytes(Stream&, Bytes) {}
void CancelCall::on_end(Stream& stream, const StreamEnd&) { stream.close(); }

Client::Client(Network& network, Random random, const Profile& profile, ClientSettings settings)
    : network_(network),
      random_(random),
      profile_(profile),
      settings_(std::move(settings)),
      name_("client " + std::to_string(settings_.number)),
      script_(random_.fork(), profile.habits, settings_.number),
      units_left_(profile.units) {}

std::string Client::describe() const {
  static constexpr const char* phases[] = {
      "away", "connecting", "asking for TLS", "in login", "talking", "leaving", "done"};
  return name_ + " is " + phases[static_cast<int>(phase_)] + ", " + std::to_string(units_left_) +
         " units to go" + (oracle_ ? "; expects: " + oracle_->session().describe() : "");
}

void Client::trace(const std::string& text) const {
  if (network_.scheduler().tracing()) network_.scheduler().trace(name_, text);
}

void Client::complain(const std::string& what) {
  network_.judge().fail(name_ + ": " + what + "\n  " + describe());
}

void Client::after_some(Duration low, Duration high, std::string_view what,
                        void (Client::*then)()) {
  network_.scheduler().after(random_.between(low, high), what, settings_.number,
                             [this, then, life = lives_] {
                               if (life == lives_) (this->*then)();
                             });
}

// ---- login

void Client::start() {
  if (phase_ != Phase::away) return;
  ++lives_;
  in_.clear();
  startup_ = {{"user", settings_.user}, {"database", settings_.database}};
  if (random_.chance(profile_.habits.startup_parameters)) {
    startup_.emplace_back("application_name", "app of " + std::to_string(settings_.number));
  }
  if (random_.chance(profile_.habits.startup_parameters))
    startup_.emplace_back("TimeZone", "Zone/" + std::to_string(random_.below(3)));
  Gucs gucs;
  for (const auto& [name, value] : startup_) {
    if (name == "user" || name == "database") continue;
    if (profile_.tolerance.startup_is_default) {
      gucs.set_default(name, value);
    } else {
      gucs.set(name, value, false);
    }
  }
  oracle_.emplace(network_.judge(), profile_.tolerance, settings_.number, std::move(gucs));
  for (const auto& [name, value] : startup_) oracle_->startup(name, value);
  script_.restart();
  network_.judge().new_life(settings_.number, script_.number());
  unit_ = {};
  next_burst_ = 0;
  phase_ = Phase::connecting;
  stream_ = network_.host(name_).connect_endpoint(settings_.target, *this);
}

void Client::on_connected(Stream&) {
  if (random_.chance(profile_.habits.tls)) {
    phase_ = Phase::asking_tls;
    std::string packet;
    wire::startup(packet, wire::ssl_request, {});
    stream_->write(packet);
    return;
  }
  send_startup();
}

void Client::on_tls(Stream&, const TlsInfo&) { send_startup(); }

void Client::send_startup() {
  phase_ = Phase::login;
  std::string body;
  for (const auto& [name, value] : startup_) ((body += name) += '\0') += value + '\0';
  body += '\0';
  std::string packet;
  wire::startup(packet, wire::version_3_0, body);
  stream_->write(packet);
}

void Client::on_bytes(Stream&, Bytes bytes) {
  in_ += as_text(bytes);
  if (phase_ == Phase::asking_tls) {
    const char answer = in_[0];
    in_.erase(0, 1);
    if (answer == 'S') return stream_->start_tls_client("", SslMode::require);
    if (answer != 'N') return complain("SSLRequest was answered with neither S nor N");
    send_startup();
  }
  read_messages();
}

void Client::read_messages() {
  std::size_t used = 0;
  while (stream_ && !network_.scheduler().stopped()) {
    const Bytes rest = as_bytes(in_).subspan(used);
    wire::Header header;
    const wire::Peek peek = wire::peek(wire::Origin::server, rest, header);
    if (peek == wire::Peek::more || (peek == wire::Peek::ok && rest.size() < header.total())) break;
    if (peek != wire::Peek::ok) return complain("was sent bytes that are no message");
    const std::string body(as_text(rest.subspan(wire::header_size, header.body)));
    used += header.total();
    on_message(static_cast<char>(header.tag), body);
  }
  in_.erase(0, std::min(used, in_.size()));
}

void Client::on_message(char tag, std::string_view body) {
  if (network_.scheduler().tracing()) {
    std::string text = std::string("<- ") + tag + " ";
    for (const char c : body.substr(0, 80)) text += c >= ' ' && c < 127 ? c : '.';
    trace(text);
  }
  if (phase_ == Phase::login) return on_login_message(tag, body);
  const std::string wrong = oracle_->received(tag, body);
  if (!wrong.empty()) return complain(wrong);
  readies_ += tag == 'Z';
  if (phase_ == Phase::talking && oracle_->quiet()) think();
}

void Client::on_login_message(char tag, std::string_view body) {
  wire::Fields fields(as_bytes(body));
  switch (tag) {
    case 'R':
      if (fields.u32() != 0) complain("an authentication method nobody asked for");
      return;
    case 'S': {
      const std::string name(fields.string());
      return oracle_->parameter(name, std::string(fields.string()));
    }
    case 'K':
      pid_ = fields.u32();
      secret_ = as_text(fields.rest());
      return;
    case 'Z':
      return begin_talk();
    case 'E': {
      // Judged as an answer like any other: it must be FATAL and have a cause.
      const std::string wrong = oracle_->received(tag, body);
      if (!wrong.empty()) complain("at login: " + wrong);
      return;
    }
    case 'N':
      return;
    default:
      return complain(std::string("message '") + tag + "' during login");
  }
}

void Client::begin_talk() {
  phase_ = Phase::talking;
  const std::string wrong = oracle_->check_parameters();
  if (!wrong.empty()) return complain("at login: " + wrong);
  think();
}

// ---- talking

void Client::think() {
  if (thinking_) return;
  thinking_ = true;
  network_.scheduler().after(random_.between(Duration(0), profile_.think_max), "speak",
                             settings_.number, [this, life = lives_] {
                               thinking_ = false;
                               if (life == lives_) speak();
                             });
}

void Client::send(const Burst& burst) {
  std::string bytes;
  for (const Frontend& message : burst) {
    wire::message(bytes, message.tag, message.body);
    oracle_->sent(message.tag, message.body);
    if (!network_.scheduler().tracing()) continue;
    std::string text = std::string("-> ") + message.tag + " ";
    for (const char c : message.body.substr(0, 300)) text += c >= ' ' && c < 127 ? c : '.';
    trace(text);
  }
  stream_->write(bytes);
}

void Client::speak() {
  if (phase_ != Phase::talking || !stream_) return;
  if (next_burst_ >= unit_.bursts.size()) {
    if (units_left_ == 0) return oracle_->quiet() ? leave() : void();
    begin_unit();
  } else if (!oracle_->quiet()) {
    return;  // the answer to come calls again
  }
  const bool last = next_burst_ + 1 == unit_.bursts.size();
  if (last && unit_.copy_data_last && !oracle_->session().copying_in()) {
    // The COPY was refused. What is left is to end the batch, if there is one.
    const Burst sync{{'S', {}}};
    if (oracle_->session().skipping()) send(sync);
    ++next_burst_;
    return think();
  }
  send(unit_.bursts[next_burst_++]);
  if (next_burst_ == unit_.bursts.size()) end_unit();
  if (oracle_->quiet()) think();  // an error before makes all of it unanswered
}

void Client::begin_unit() {
  const bool sure = oracle_->quiet();
  unit_ = script_.next(sure ? &oracle_->session() : nullptr);
  network_.judge().issued(settings_.number, script_.number());
  next_burst_ = 0;
  --units_left_;
  const Habits& habits = profile_.habits;
  if (random_.chance(habits.slow_reading)) read_slowly();
  if (random_.chance(habits.vanishing))
    after_some(Duration(0), milliseconds(10), "vanish", &Client::vanish);
  if (random_.chance(habits.cancels))
    after_some(Duration(0), milliseconds(15), "send cancel", &Client::send_cancel);
}

void Client::end_unit() {
  // Data for COPY in another's unit would be lost, so nothing is pipelined behind a unit that waits
  // for it.
  if (units_left_ > 0 && random_.chance(profile_.habits.pipelining)) think();
}

void Client::read_slowly() {
  stream_->pause();
  network_.scheduler().after(random_.between(milliseconds(1), milliseconds(200)), "reads again",
                             settings_.number, [stream = stream_] {
                               if (!stream->closed()) stream->resume();
                             });
}

void Client::send_cancel() {
  if (phase_ != Phase::talking) return;
  trace("sends a cancel request");
  network_.judge().cancel_sent(settings_.number);
  oracle_->cancel_sent();
  std::string body(4, '\0'), packet;
  store_be32(reinterpret_cast<std::uint8_t*>(body.data()), pid_);
  wire::startup(packet, wire::cancel_request, body + secret_);
  cancels_.push_back(std::make_unique<CancelCall>(network_.host(name_), settings_.target, packet));
}

// ---- the end

void Client::leave() {
  if (random_.chance(profile_.habits.half_close)) {
    phase_ = Phase::leaving;
    stream_->half_close();
    return;
  }
  stream_->write(std::string("X\0\0\0\4", 5));
  trace("-> X, leaves");
  stream_->close();
  stream_ = nullptr;
  life_over(true);
}

void Client::vanish() {
  if (phase_ != Phase::talking || !stream_) return;
  trace("vanishes");
  switch (random_.below(4)) {
    case 0:
      stream_->reset();
      break;
    case 1: {  // in the middle of a message
      const std::string half("Q\0\0\1\0SELECT", 11);
      stream_->write(std::string_view(half).substr(0, random_.between(1, half.size())));
      break;
    }
    case 2:
      stream_->write(std::string("X\0\0\0\4", 5));
      break;
    default:
      break;
  }
  stream_->close();
  stream_ = nullptr;
  life_over(true);
}

void Client::on_end(Stream&, const StreamEnd& end) {
  trace("its connection ended: " + (end.orderly ? "in good order" : end.message));
  const bool cause = profile_.tolerance.disconnects || oracle_->fatal() || oracle_->may_end() ||
                     phase_ == Phase::leaving;
  stream_->close();
  stream_ = nullptr;
  if (!cause) complain("the connection ended without cause (" + end.message + ")");
  life_over(cause);
}

void Client::life_over(bool) {
  thinking_ = false;
  phase_ = Phase::away;
  if (units_left_ == 0) {
    phase_ = Phase::done;
    return;
  }
  ++lives_;
  network_.scheduler().after(random_.between(milliseconds(1), milliseconds(100)), "comes again",
                             settings_.number, [this] { start(); });
}

}  // namespace heim::sim
