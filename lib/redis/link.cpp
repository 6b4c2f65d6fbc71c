#include "redis/link.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "redis/command.hpp"

namespace heim::redis {
namespace {

constexpr std::string_view too_old =
    "the server does not speak RESP3: Redis 6 or later, or Valkey, is needed";

std::string name_of(const Target& target) {
  if (target.host.starts_with('/')) return target.host;
  const bool v6 = target.host.find(':') != std::string::npos;
  return (v6 ? "[" + target.host + "]" : target.host) + ":" + std::to_string(target.port);
}

std::uint16_t port_of(std::string_view text) {
  std::uint16_t port = 0;
  std::from_chars(text.data(), text.data() + text.size(), port);
  return port;
}

Value lost(const std::string& why) {
  Value value;
  value.kind = Value::Kind::error;
  value.text = "LOST " + why;
  return value;
}

}  // namespace

Link::Link(Transport& transport, const Access& access, LinkOwner& owner)
    : transport_(transport), access_(access), owner_(owner) {}

Link::~Link() {
  if (stream_ != nullptr) stream_->close();
}

Instant Link::step(Instant now) {
  now_ = now;
  if (state_ == State::down) {
    if (now < next_attempt_) return next_attempt_;
    connect();
  }
  if (state_ == State::up && owed_.empty()) return never;
  const Instant since = state_ == State::up ? owed_.front().since : since_;
  if (now < since + access_.patience) return since + access_.patience;
  lose(state_ == State::up ? "the server does not answer" : "the server could not be reached");
  return next_attempt_;
}

void Link::connect() {
  target_ = std::exchange(found_, {});
  asks_ = target_.host.empty() && !access_.master.empty();
  if (target_.host.empty()) target_ = access_.servers[turn_++ % access_.servers.size()];
  target_.connect_timeout = access_.patience;
  place_ = name_of(target_);
  state_ = State::connecting;
  since_ = now_;
  parser_ = Parser();
  out_.clear();
  stream_ = transport_.connect(target_, *this);
}

void Link::on_connected(Stream&) {
  if (access_.tls == SslMode::disable) return greet();
  stream_->start_tls_client(target_.host, access_.tls);
}

void Link::on_tls(Stream&, const TlsInfo&) { greet(); }

// The first words on a connection, in one piece.
template <class Ask>
void Link::say(const Ask& ask) {
  state_ = State::greeting;
  // No copies are left behind.
  out_.reserve(512 + access_.password.view().size() + access_.sentinel_password.view().size());
  ask([this](std::initializer_list<std::string_view> words, Answer answer) {
    command(out_, words);
    owed_.push_back({std::move(answer), now_});
  });
  const Bytes bytes = as_bytes(out_);
  stream_->write({&bytes, 1});
  wipe(out_.data(), out_.size());  // the password is in it
  out_.clear();
}

void Link::greet() {
  if (asks_) return greet_sentinel();
  std::string_view user = "default";
  if (!access_.user.empty()) user = access_.user;
  const Answer hello = [this](Value&& answer) { on_greeting(answer); };
  say([&](const auto& ask) {
    if (access_.password.empty()) {
      ask({"HELLO", "3", "SETNAME", access_.name}, hello);
    } else {
      ask({"HELLO", "3", "AUTH", user, access_.password.view(), "SETNAME", access_.name}, hello);
    }
    if (access_.database != 0) {
      ask({"SELECT", std::to_string(access_.database)}, [this](Value&& answer) {
        if (answer.is_error() && state_ == State::greeting) lose(answer.text);
      });
    }
    ask({"PING"}, [this](Value&& answer) {
      if (state_ != State::greeting) return;
      if (answer.is_error()) return lose(answer.text);
      state_ = State::up;
      pause_ = Duration::zero();
      owner_.on_up();
    });
  });
}

// In RESP2, which all of them speak.
void Link::greet_sentinel() {
  say([&](const auto& ask) {
    const Answer login = [this](Value&& answer) {
      if (answer.is_error() && state_ == State::greeting) lose("Sentinel: " + answer.text);
    };
    const std::string_view password = access_.sentinel_password.view();
    if (!password.empty() && access_.sentinel_user.empty()) ask({"AUTH", password}, login);
    if (!password.empty() && !access_.sentinel_user.empty()) {
      ask({"AUTH", access_.sentinel_user, password}, login);
    }
    ask({"SENTINEL", "GET-MASTER-ADDR-BY-NAME", access_.master}, [this](Value&& answer) {
      if (state_ == State::greeting) on_master(answer);
    });
  });
}

// Where the server is. The next step() goes there.
void Link::on_master(const Value& answer) {
  if (answer.is_error()) return lose("Sentinel: " + answer.text);
  const std::uint16_t port = answer.items.size() == 2 ? port_of(answer.items[1].text) : 0;
  if (port == 0) return lose("Sentinel knows no server called " + access_.master);
  found_.host = answer.items[0].text;
  found_.port = port;
  ++life_;
  std::exchange(stream_, nullptr)->close(Duration::zero());
  state_ = State::down;
  next_attempt_ = now_;
}

// "ten:7000", "::1:7000"; ":7000": of this host.
void Link::move(std::string_view place) {
  const std::size_t colon = place.rfind(':');
  const std::uint16_t port = colon == place.npos ? 0 : port_of(place.substr(colon + 1));
  if (port != 0) found_.host = colon == 0 ? target_.host : std::string(place.substr(0, colon));
  if (port != 0) found_.port = port;
  lose("the keys are at " + std::string(place));
}

void Link::on_greeting(const Value& answer) {
  if (state_ != State::greeting) return;
  if (answer.is_error("NOPROTO") || answer.text.starts_with("ERR unknown command")) {
    return lose(std::string(too_old));
  }
  if (answer.is_error()) return lose(answer.text);
  const Value *role = answer.find("role"), *mode = answer.find("mode");
  const bool knows_where = mode != nullptr && mode->text == "cluster";
  if (role != nullptr && role->text == "replica" && !knows_where) lose("the server is a replica");
}

void Link::send(std::initializer_list<std::string_view> words, Answer answer) {
  if (state_ != State::up) {
    if (answer) answer(lost("the server is not connected"));
    return;
  }
  command(out_, words);
  owed_.push_back({std::move(answer), now_});
}

void Link::subscribe(std::string_view channel) {
  if (state_ == State::up) command(out_, {"SUBSCRIBE", channel});
}

void Link::subscribe_pattern(std::string_view pattern) {
  if (state_ == State::up) command(out_, {"PSUBSCRIBE", pattern});
}

void Link::flush() {
  if (stream_ == nullptr || out_.empty()) return;
  const Bytes bytes = as_bytes(out_);
  stream_->write({&bytes, 1});
  out_.clear();
}

void Link::drop(const std::string& why) {
  if (state_ != State::down) lose(why);
}

void Link::lose(std::string why) {
  const bool was_up = state_ == State::up;
  state_ = State::down;
  ++life_;
  if (Stream* stream = std::exchange(stream_, nullptr)) stream->close(Duration::zero());
  pause_ = std::clamp(pause_ * 2, access_.first_pause, access_.longest_pause);
  next_attempt_ = now_ + pause_;
  trouble_ = place_ + ": " + why;
  for (std::deque<Owed> owed = std::exchange(owed_, {}); Owed & each : owed) {
    if (each.answer) each.answer(lost(trouble_));
  }
  if (was_up) ++times_lost_;
  owner_.on_down(trouble_);
}

void Link::on_bytes(Stream&, Bytes bytes) {
  const std::uint64_t life = life_;
  const bool understood = parser_.feed(bytes, values_);
  for (std::vector<Value> values = std::exchange(values_, {}); Value & value : values) {
    take(std::move(value));
    if (life != life_) return;  // lost by what came of it
  }
  if (!understood) lose("it does not speak RESP: " + std::string(parser_.error()));
}

void Link::take(Value&& value) {
  if (value.is(Value::Kind::push)) {
    if (state_ == State::up) owner_.on_push(std::move(value));
    return;
  }
  if (value.is_error("MOVED")) return move(value.text.substr(value.text.rfind(' ') + 1));
  if (owed_.empty()) return lose("it answers what was not asked");
  const Answer answer = std::move(owed_.front().answer);
  owed_.pop_front();
  if (answer) answer(std::move(value));
}

void Link::on_end(Stream&, const StreamEnd& end) {
  lose(end.message.empty() ? "the server closed the connection" : end.message);
}

}  // namespace heim::redis
