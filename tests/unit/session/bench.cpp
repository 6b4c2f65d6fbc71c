#include "bench.hpp"

#include <doctest/doctest.h>

#include "wire/framer.hpp"

namespace heim::session::test {
namespace {

class ManualClock final : public Clock {
 public:
  Instant now() override { return time; }
  Instant time = Instant{} + std::chrono::hours(1);
};

/// The same bytes in every run, and no two alike.
class CountingRandom final : public crypto::Random {
 public:
  void fill(std::uint8_t* out, std::size_t size) override {
    for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(state_ += 37);
    state_ += 11;
  }

 private:
  std::uint32_t state_ = 1;
};

class Lines final : public Logger {
 public:
  explicit Lines(std::vector<std::string>& lines) : lines_(lines) {}
  void log(LogLevel, std::string_view text) override { lines_.emplace_back(text); }
  LogLevel level() const override { return LogLevel::debug; }

 private:
  std::vector<std::string>& lines_;
};

// One line a message where that can be told; what cannot be printed as \xNN.
std::string shown(std::string_view bytes) {
  std::string out;
  std::size_t left = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto c = static_cast<unsigned char>(bytes[i]);
    if (left == 0 && bytes.size() - i >= 5 && std::isalnum(c) != 0) {
      left = load_be32(reinterpret_cast<const std::uint8_t*>(bytes.data() + i + 1)) + 1;
      if (left < 5 || left > bytes.size() - i + 4096) left = 1;
      if (i > 0) out += '\n';
    }
    if (left > 0) --left;
    if (c >= 0x20 && c < 0x7f) {
      out += static_cast<char>(c);
    } else {
      static constexpr char digits[] = "0123456789abcdef";
      ((out += "\\x") += digits[c >> 4]) += digits[c & 15];
    }
  }
  if (out.size() > 1000) out = out.substr(0, 500) + " ... " + out.substr(out.size() - 500);
  return out;
}

}  // namespace

std::string_view name(Cut cut) {
  static constexpr std::string_view names[] = {"message by message", "byte by byte", "coalesced"};
  return names[static_cast<std::size_t>(cut)];
}

void in_every_cut(void (*script)(Bench&)) {
  for (const Cut cut : {Cut::whole, Cut::bytes, Cut::coalesced}) {
    INFO("cut: ", std::string(name(cut)));
    Bench bench(cut);
    script(bench);
    bench.finish();
  }
}

// ---- ends ---------------------------------------------------------------------

void End::sends(std::string_view bytes) {
  if (bytes.empty()) return;
  auto& events = bench_.events_;
  if (bench_.cut == Cut::coalesced && !events.empty() && events.back().end == this) {
    events.back().bytes += bytes;
  } else {
    events.push_back({this, std::string(bytes)});
  }
}

std::string End::take(std::size_t count) {
  bench_.settle();
  std::string taken = out_.substr(0, count);
  out_.erase(0, taken.size());
  return taken;
}

void End::receives(std::string_view bytes) {
  const std::string got = take(bytes.size());
  if (got == bytes) return;
  CHECK_EQ(shown(got + out_), shown(bytes));
}

void End::receives_all(std::string_view bytes) {
  const std::string got = take();
  if (got == bytes) return;
  CHECK_EQ(shown(got), shown(bytes));
}

std::string End::receives_error(std::string_view sqlstate, std::string_view severity) {
  bench_.settle();
  wire::Header header;
  if (wire::peek(wire::Origin::server, as_bytes(out_), header) != wire::Peek::ok ||
      header.tag != 'E' || out_.size() < header.total()) {
    CHECK_EQ(shown(out_), "an error " + std::string(sqlstate));
    return {};
  }
  const std::string error = take(header.total());
  const wire::ErrorView view = wire::read_error(as_bytes(error).subspan(wire::header_size));
  INFO(shown(error));
  CHECK_EQ(std::string(view.sqlstate), std::string(sqlstate));
  CHECK_EQ(std::string(view.severity), std::string(severity));
  return std::string(view.message);
}

void End::is_closed() {
  receives_all("");
  CHECK(closed_);
}

void End::is_open() {
  receives_all("");
  CHECK_FALSE(closed_);
}

void End::is_dismissed() {
  receives_all(terminate());
  CHECK(closed_);
}

void End::leaves(std::string_view why) {
  bench_.settle();
  if (closed_ || ended_) return;
  ended_ = true;
  const StreamEnd end{why.empty(), std::string(why)};
  bench_.call(*this, [&] { handler_->on_end(*this, end); });
  CHECK_MESSAGE(closed_, "the handler did not close a stream that ended");
}

void End::accepts() {
  bench_.settle();
  bench_.call(*this, [&] { handler_->on_connected(*this); });
}

void End::finishes_tls(TlsInfo info) {
  bench_.settle();
  CHECK((tls == Tls::server || tls == Tls::client));
  tls = Tls::done;
  bench_.call(*this, [&] { handler_->on_tls(*this, info); });
}

void End::reads_again() {
  bench_.settle();
  stalled_ = false;
  if (backlog_ == 0) return;
  backlog_ = 0;
  bench_.call(*this, [&] { handler_->on_drained(*this); });
  bench_.settle();
}

void End::check_alive(std::string_view what) {
  if (closed_ || detached_) {
    FAIL_CHECK("the proxy uses a stream it has closed or detached: " << std::string(what));
  }
}

void End::write(std::span<const Bytes> segments) {
  check_alive("write");
  if (ended_) return;
  std::string written;
  for (const Bytes& segment : segments) written += as_text(segment);
  if (stalled_) backlog_ += written.size();
  out_ += is_server() ? described.seen(written) : written;
}

void End::start_tls_server(Bytes already_read) {
  check_alive("start_tls_server");
  tls = Tls::server;
  tls_first = as_text(already_read);
}

void End::start_tls_client(const std::string&, SslMode) {
  check_alive("start_tls_client");
  tls = Tls::client;
}

void End::close(Duration) {
  check_alive("close");
  closed_ = true;
}

void End::detach() {
  check_alive("detach");
  CHECK_EQ(backlog_, 0u);
  detached_ = true;
}

// ---- parts --------------------------------------------------------------------

struct Bench::Parts final : public Transport, public Fabric {
  explicit Parts(Bench& the_bench)
      : bench(the_bench), logger(the_bench.lines), shared(the_bench.workers, random, logger) {
    shared.fabric = this;
  }
  Stream* connect(const Target& target, StreamHandler& handler) override {
    bench.ends_.push_back(std::make_unique<End>(bench, &handler));
    End& end = *bench.ends_.back();
    end.target = target;
    bench.dialed_.push_back(&end);
    return &end;
  }
  void adopt(Stream& stream, StreamHandler& handler) override {
    auto& end = static_cast<End&>(stream);
    CHECK(end.detached_);
    end.detached_ = false;
    end.handler_ = &handler;
  }
  bool can_serve_tls() const override { return !bench.certificate_hash.empty(); }
  std::string endpoint_hash() const override { return bench.certificate_hash; }
  void post(pool::WorkerId to, std::function<void(Hub&)> work) override {
    posted.emplace_back(to, std::move(work));
  }

  Bench& bench;
  ManualClock clock;
  CountingRandom random;
  Lines logger;
  Shared shared;
  std::deque<std::pair<pool::WorkerId, std::function<void(Hub&)>>> posted;
  std::vector<std::unique_ptr<Hub>> hubs;
};

// ---- the bench ------------------------------------------------------------------

Bench::Bench(Cut the_cut) : cut(the_cut) {
  settings.auth.type = config::AuthType::trust;
  settings.proxy.pool_mode = config::PoolMode::transaction;
  settings.server_tls.mode = SslMode::disable;
  settings.nodes.push_back({"one", "one.test", 5432, config::NodeRole::primary});
}

Bench::~Bench() { finish(); }

void Bench::build() {
  if (parts_) return;
  parts_ = std::make_unique<Parts>(*this);
  for (const config::Node& node : settings.nodes) {
    const auto role = node.role == config::NodeRole::primary   ? cluster::Role::primary
                      : node.role == config::NodeRole::standby ? cluster::Role::standby
                                                               : cluster::Role::unknown;
    parts_->shared.nodes.add(
        {node.name, node.host, node.port, node.role == config::NodeRole::automatic}, role);
  }
  if (settings.cache.enabled) {
    parts_->shared.open_cache({.ttl = settings.cache.ttl, .automatic = false});
  }
  for (pool::WorkerId worker = 0; worker < workers; ++worker) {
    parts_->hubs.push_back(
        std::make_unique<Hub>(worker, parts_->shared, *parts_, parts_->clock, rules(), nullptr));
  }
}

RulesRef Bench::rules() const {
  auto made = std::make_shared<Rules>();
  made->settings = settings;
  made->users = users;
  made->hba = hba;
  made->has_users = users.size() > 0;
  if (!settings.rules.empty()) made->routes = *route::Rules::compile(settings.rules);
  return made;
}

void Bench::reload() {
  settle();
  for (auto& hub : parts_->hubs) hub->set_rules(rules());
}

void Bench::knows_catalog(const sql::Catalog& catalog) {
  build();
  parts_->shared.catalogs.loaded("db", parts_->clock.now(),
                                 std::make_shared<sql::Catalog>(catalog));
}

Hub& Bench::hub(pool::WorkerId worker) {
  build();
  settle();
  return *parts_->hubs[worker];
}

Shared& Bench::shared() {
  build();
  return parts_->shared;
}

void Bench::finish() {
  if (!parts_) return;
  settle();
  parts_->hubs.clear();
  for (const auto& end : ends_) {
    CHECK_MESSAGE((end->closed_ || end->detached_), "a stream was left open");
  }
  for (const std::string& line : lines) {
    if (line.find("bug:") != std::string::npos) FAIL_CHECK(line);
  }
  parts_.reset();
}

template <class Call>
void Bench::call(End& end, Call call) {
  end.check_alive("an event of the bench");
  CHECK_MESSAGE(depth_ == 0, "a handler was called from inside a handler");
  ++depth_;
  call();
  --depth_;
}

void Bench::deliver(End& end, std::string_view bytes) {
  const std::size_t step = cut == Cut::bytes ? 1 : bytes.size();
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    if (end.closed_ || end.ended_) return;
    if (end.paused) {
      end.pending_ += bytes.substr(at);
      return;
    }
    // A copy of its own, so that a sanitizer sees whoever reads it later.
    const std::string chunk(bytes.substr(at, step));
    call(end, [&] { end.handler_->on_bytes(end, as_bytes(chunk)); });
  }
}

bool Bench::deliver_next() {
  if (events_.empty()) return false;
  Event event = std::move(events_.front());
  events_.pop_front();
  if (event.end->is_server()) event.bytes = event.end->described.answered(event.bytes);
  if (event.end->pending_.empty()) {
    deliver(*event.end, event.bytes);
  } else {
    event.end->pending_ += event.bytes;
  }
  return true;
}

bool Bench::deliver_pending() {
  bool some = false;
  for (std::size_t i = 0; i < ends_.size(); ++i) {
    End& end = *ends_[i];
    if (end.pending_.empty() || end.paused) continue;
    const std::string bytes = std::exchange(end.pending_, {});
    deliver(end, bytes);
    some = true;
  }
  return some;
}

bool Bench::run_fabric() {
  if (!parts_ || parts_->posted.empty() || holds_fabric) return false;
  auto [to, work] = std::move(parts_->posted.front());
  parts_->posted.pop_front();
  work(*parts_->hubs[to]);
  return true;
}

void Bench::settle() {
  while (deliver_pending() || run_fabric() || deliver_next()) {
  }
}

void Bench::passes(Duration time) {
  settle();
  parts_->clock.time += time;
  for (auto& hub : parts_->hubs) {
    hub->tick();
    settle();
  }
}

bool Bench::dials() {
  settle();
  return !dialed_.empty();
}

Server& Bench::dialed() {
  settle();
  REQUIRE_FALSE(dialed_.empty());
  last_ = dialed_.front();
  dialed_.pop_front();
  return *last_;
}

Server& Bench::server(const Pairs& parameters) {
  Server& server = dialed();
  server.accepts();
  const std::string packet = server.take();
  CHECK_EQ(packet.substr(4, 4), std::string("\0\3\0\0", 4));
  std::string greeting = authentication(0);
  for (const auto& [name, value] : parameters) greeting += parameter(name, value);
  server.pid = next_backend_pid_++;
  server.secret = "key!";
  server.sends(greeting + key(server.pid, server.secret) + ready());
  settle();
  return server;
}

Client& Bench::connect(pool::WorkerId worker) {
  build();
  settle();
  ends_.push_back(std::make_unique<End>(*this, nullptr));
  parts_->hubs[worker]->accept(*ends_.back());
  return *ends_.back();
}

Client& Bench::starts(Pairs more, pool::WorkerId worker) {
  Client& client = connect(worker);
  Pairs all = {{"user", "app"}, {"database", "db"}};
  all.insert(all.end(), more.begin(), more.end());
  client.sends(startup(all));
  return client;
}

Client& Bench::login(Pairs more, pool::WorkerId worker) {
  Client& client = starts(std::move(more), worker);
  if (dials()) server();
  if (last_ && client.out_.empty() && !last_->out_.empty()) {
    last_->out_.clear();  // the hidden statement that adapts it
    last_->sends(done());
  }
  admitted(client);
  return client;
}

void Bench::admitted(Client& client) {
  settle();
  wire::Header header;
  for (;;) {
    const Bytes out = as_bytes(client.out_);
    if (wire::peek(wire::Origin::server, out, header) != wire::Peek::ok ||
        out.size() < header.total()) {
      FAIL_CHECK("no greeting: " << shown(client.out_));
      return;
    }
    const std::string whole = client.take(header.total());
    if (header.tag == 'K') {
      client.pid = load_be32(reinterpret_cast<const std::uint8_t*>(whole.data()) + 5);
      client.secret = whole.substr(9);
    } else if (header.tag == 'Z') {
      return;
    } else {
      client.greeting += whole;
    }
  }
}

}  // namespace heim::session::test
