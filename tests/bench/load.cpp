// load: drives a PostgreSQL server or a proxy with many clients from one thread, and prints one
// line of JSON.
//
// Every answer is checked to be well-formed and this query's own; the first that is not ends the
// run with status 1.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <deque>
#include <memory>

#include "histogram.hpp"
#include "load_client.hpp"
#include "sockets.hpp"

namespace heim::bench {
namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;
constexpr std::uint64_t login_limit_ns = 60 * second_ns;
constexpr std::uint64_t drain_limit_ns = 10 * second_ns;
constexpr std::size_t logins_at_once = 64;  // below anyone's listen backlog

std::uint64_t clock_ns(clockid_t clock) {
  timespec time{};
  if (::clock_gettime(clock, &time) != 0) die_errno("clock_gettime");
  return static_cast<std::uint64_t>(time.tv_sec) * second_ns +
         static_cast<std::uint64_t>(time.tv_nsec);
}

std::uint64_t now_ns() { return clock_ns(CLOCK_MONOTONIC); }

/// User and system time of a whole process, its ended threads too, exact to the nanosecond.
std::uint64_t processor_ns(pid_t pid) {
  clockid_t clock{};
  if (::clock_getcpuclockid(pid, &clock) != 0) die("no process " + std::to_string(pid));
  return clock_ns(clock);
}

enum class Phase : unsigned char { logging_in, warming_up, measuring, draining, done };

/// What the measured window saw.
struct Tally {
  Histogram latency;
  std::uint64_t queries = 0, bytes = 0, begin_ns = 0, end_ns = 0;
  std::uint64_t watched_ns = 0, own_ns = 0;
};

class Load {
 public:
  explicit Load(const Options& options)
      : options_(options), script_(options_), epoll_(make_epoll()) {
    for (unsigned i = 0; i < options.clients; ++i) {
      clients_.push_back(std::make_unique<LoadClient>(options_, script_));
    }
  }

  Tally run();

 private:
  void step();
  void on_client(LoadClient& client, std::uint32_t events);
  void on_idle(LoadClient& client, bool was_busy);
  void account(const LoadClient& client);
  void open_more();
  void start_due();
  void next_phase();
  void begin_warm_up();
  void finish();
  void begin_window();
  void end_window();
  std::uint64_t wake_at() const;
  std::uint64_t watched_ns() const;
  bool wants_more() const { return phase_ == Phase::warming_up || phase_ == Phase::measuring; }

  const Options options_;
  const Script script_;
  int epoll_;
  std::vector<std::unique_ptr<LoadClient>> clients_;
  std::deque<LoadClient*> free_;  // paced: who may take the next query
  std::size_t opened_ = 0, logged_in_ = 0, busy_ = 0;
  unsigned spread_ = 0;
  Tags tags_{options_.keys};
  Tally tally_;
  Phase phase_ = Phase::logging_in;
  std::uint64_t now_ = now_ns(), phase_end_ = now_ + login_limit_ns;
  double next_due_ns_ = 0;
};

Tally Load::run() {
  open_more();
  while (phase_ != Phase::done) step();
  return std::move(tally_);
}

void Load::step() {
  std::array<epoll_event, 256> events;
  const std::uint64_t until = wake_at();
  const std::uint64_t wait_ns = until > now_ ? std::min(until - now_, second_ns) : 0;
  const timespec timeout{static_cast<time_t>(wait_ns / second_ns),
                         static_cast<long>(wait_ns % second_ns)};
  const int count =
      ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
  for (int i = 0; i < count; ++i) {
    now_ = now_ns();
    on_client(*static_cast<LoadClient*>(events[i].data.ptr), events[i].events);
  }
  now_ = now_ns();
  if (options_.rate > 0) start_due();
  next_phase();
}

void Load::on_client(LoadClient& client, std::uint32_t events) {
  const auto before = client.state();
  client.on_event(events);
  const std::uint64_t received = client.take_received();
  if (phase_ == Phase::measuring) tally_.bytes += received;
  if (client.state() != LoadClient::State::idle || before == LoadClient::State::idle) return;
  on_idle(client, before == LoadClient::State::busy);
}

/// A client has nothing to do: it has just logged in, or has its answer.
void Load::on_idle(LoadClient& client, bool was_busy) {
  if (was_busy) {
    --busy_;
    account(client);
  } else if (phase_ == Phase::logging_in) {
    ++logged_in_;
    open_more();
  }
  const bool reconnect = options_.mode == Mode::connect && was_busy;
  if (reconnect) {
    client.close(true);
    if (wants_more()) return client.open(epoll_, ++spread_, now_);
    return;
  }
  const bool first_of_idle = options_.mode == Mode::idle && !was_busy;
  if (options_.rate > 0 && wants_more()) {
    free_.push_back(&client);
  } else if (first_of_idle || (wants_more() && options_.mode != Mode::idle)) {
    ++busy_;
    client.start(tags_, options_.mode == Mode::connect ? client.due_ns() : now_);
  }
}

void Load::account(const LoadClient& client) {
  if (phase_ != Phase::measuring) return;
  tally_.queries += options_.pipeline;
  tally_.latency.add(now_ - client.due_ns());
}

void Load::open_more() {
  while (opened_ < clients_.size() && opened_ - logged_in_ < logins_at_once) {
    clients_[opened_++]->open(epoll_, ++spread_, now_);
  }
}

/// Open loop: a query is due at its time whether or not anybody is free to send it, and its latency
/// counts from then.
void Load::start_due() {
  const double gap_ns = static_cast<double>(second_ns) / options_.rate;
  while (wants_more() && !free_.empty() && next_due_ns_ <= static_cast<double>(now_)) {
    LoadClient& client = *free_.front();
    free_.pop_front();
    ++busy_;
    client.start(tags_, static_cast<std::uint64_t>(next_due_ns_));
    next_due_ns_ += gap_ns;
  }
}

std::uint64_t Load::wake_at() const {
  if (options_.rate > 0 && wants_more() && !free_.empty()) {
    return std::min(phase_end_, static_cast<std::uint64_t>(next_due_ns_));
  }
  return phase_end_;
}

void Load::next_phase() {
  const bool over = now_ >= phase_end_;
  switch (phase_) {
    case Phase::logging_in:
      if (logged_in_ == clients_.size()) return begin_warm_up();
      if (over) throw WrongAnswer(std::to_string(clients_.size() - logged_in_) + " never got in");
      return;
    case Phase::warming_up:
      if (over) begin_window();
      return;
    case Phase::measuring:
      if (over) end_window();
      return;
    case Phase::draining:
      if (busy_ == 0 || options_.mode == Mode::large) return finish();
      if (over) throw WrongAnswer(std::to_string(busy_) + " queries were never answered");
      return;
    case Phase::done:
      return;
  }
}

void Load::begin_warm_up() {
  if (options_.mode == Mode::idle) {
    if (busy_ == 0) phase_ = Phase::done;  // each has had its one query
    return;
  }
  phase_ = Phase::warming_up;
  phase_end_ = now_ + static_cast<std::uint64_t>(options_.warmup * 1e9);
  next_due_ns_ = static_cast<double>(now_);
  for (const auto& client : clients_) on_idle(*client, false);
}

void Load::finish() {
  for (const auto& client : clients_) client->close(busy_ == 0);
  phase_ = Phase::done;
}

void Load::begin_window() {
  phase_ = Phase::measuring;
  phase_end_ = now_ + static_cast<std::uint64_t>(options_.seconds * 1e9);
  tally_.begin_ns = now_;
  tally_.watched_ns = watched_ns();
  tally_.own_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

void Load::end_window() {
  tally_.watched_ns = watched_ns() - tally_.watched_ns;
  tally_.own_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - tally_.own_ns;
  tally_.end_ns = now_;
  if (tally_.queries == 0 && tally_.bytes == 0) throw WrongAnswer("nothing was answered");
  phase_ = Phase::draining;
  phase_end_ = now_ + drain_limit_ns;
}

std::uint64_t Load::watched_ns() const {
  std::uint64_t sum = 0;
  for (const pid_t pid : options_.watched) sum += processor_ns(pid);
  return sum;
}

void print(const Options& options, const Tally& tally) {
  const double seconds = static_cast<double>(tally.end_ns - tally.begin_ns) / 1e9;
  const double queries = static_cast<double>(tally.queries);
  const double gigabytes = static_cast<double>(tally.bytes) / 1e9;
  const auto per = [](double sum, double count) { return count > 0 ? sum / count : 0; };
  const auto us = [&](double fraction) {
    return static_cast<double>(tally.latency.quantile(fraction)) / 1e3;
  };
  std::printf(
      "{\"clients\": %u, \"seconds\": %.3f, \"queries\": %.0f, \"qps\": %.1f, \"p50_us\": %.1f, "
      "\"p90_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f, \"mean_us\": %.1f, "
      "\"cpu_us\": %.4f, \"load_cpu_us\": %.4f, \"cpu_s\": %.4f, \"mb_per_s\": %.2f, "
      "\"cpu_s_per_gb\": %.4f, \"errors\": 0}\n",
      options.clients, seconds, queries, queries / seconds, us(0.5), us(0.9), us(0.99),
      static_cast<double>(tally.latency.max()) / 1e3, tally.latency.mean() / 1e3,
      per(static_cast<double>(tally.watched_ns) / 1e3, queries),
      per(static_cast<double>(tally.own_ns) / 1e3, queries),
      static_cast<double>(tally.watched_ns) / 1e9, gigabytes * 1e3 / seconds,
      per(static_cast<double>(tally.watched_ns) / 1e9, gigabytes));
}

/// idle: the connections stay until standard input ends.
void hold(unsigned clients) {
  std::printf("{\"clients\": %u, \"idle\": true, \"errors\": 0}\n", clients);
  std::fflush(stdout);
  char byte;
  while (std::fread(&byte, 1, 1, stdin) == 1) {
  }
}

}  // namespace
}  // namespace heim::bench

int main(int argc, char** argv) {
  using namespace heim::bench;
  const Options options = parse_options(argc, argv);
  install_signals();
  Load load(options);
  try {
    const Tally tally = load.run();
    if (options.mode == Mode::idle) {
      hold(options.clients);
    } else {
      print(options, tally);
    }
  } catch (const WrongAnswer& wrong) {
    std::fprintf(stderr, "load: %s\n", wrong.what());
    return 1;
  }
  return 0;
}
