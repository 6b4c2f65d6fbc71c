// What watching costs: runs the control plane alone before the given nodes, first idle, then with
// somebody who always wants the next sample. Prints one line of JSON.
//
//     bench-monitor USER PASSWORD SECONDS HOST:PORT...
#include <time.h>

#include <atomic>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>

#include "config/address.hpp"
#include "control/control.hpp"

using namespace heim;
using Steady = std::chrono::steady_clock;

namespace {

class ErrorLog final : public Logger {
 public:
  void log(LogLevel level, std::string_view text) override {
    if (level == LogLevel::error)
      std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
  }
  LogLevel level() const override { return LogLevel::error; }
};

// Wants the next sample as soon as one is done. On the control thread, but for `busy`.
class Sink final : public cluster::LsnSink {
 public:
  std::uint64_t sample_begins() override {
    if (open) wrong = true;
    open = true;
    return ++token;
  }
  void sample_done(std::uint64_t which, std::uint64_t lsn) override {
    if (!open || which != token || lsn < newest) wrong = true;
    open = false;
    newest = lsn;
    ++done;
    if (busy) source->want_sample();
  }
  void sample_failed(std::uint64_t which) override {
    if (!open || which != token) wrong = true;
    open = false;
  }

  cluster::LsnSource* source = nullptr;
  std::atomic<bool> busy{false}, wrong{false};
  std::atomic<std::uint64_t> done{0}, newest{0};
  std::uint64_t token = 0;
  bool open = false;
};

Duration process_time() {
  timespec spent{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
  return std::chrono::seconds(spent.tv_sec) + std::chrono::nanoseconds(spent.tv_nsec);
}

// Percent of one processor that this process took meanwhile.
double share_of(std::chrono::seconds time) {
  const Duration before = process_time();
  const auto begin = Steady::now();
  std::this_thread::sleep_for(time);
  const Duration passed = Steady::now() - begin;
  return 100.0 * static_cast<double>((process_time() - before).count()) /
         static_cast<double>(passed.count());
}

std::uint64_t probes(control::Control& control) {
  std::uint64_t all = 0;
  for (const auto& row : control.standings()) all += row.probes;
  return all;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 5) return std::fprintf(stderr, "USER PASSWORD SECONDS HOST:PORT...\n"), 2;
  config::Settings settings;
  settings.monitor.user = arguments[1];
  settings.monitor.password = Secret(arguments[2]);
  int seconds = 1;
  std::from_chars(arguments[3], arguments[3] + std::strlen(arguments[3]), seconds);
  const std::chrono::seconds time(seconds);

  ErrorLog log;
  cluster::Topology nodes;
  Sink sink;
  control::Control control(nodes, log, [] {});
  sink.source = &control;
  control.set_sink(&sink);
  control.configure(settings);
  control.edit([&](cluster::Reducer& reducer, Instant now) {
    for (int i = 4; i < count; ++i) {
      const auto address = config::parse_address(arguments[i], 5432);
      cluster::Node node;
      node.name = arguments[i];
      node.host = address->host;
      node.port = address->port;
      node.discover = true;
      reducer.enlist(nodes.add(std::move(node), cluster::Role::unknown), cluster::Role::unknown,
                     false, now);
    }
  });
  control.start();
  std::this_thread::sleep_for(std::chrono::seconds(2));  // connected, and its cost is known

  const std::uint64_t before = probes(control);
  const double idle = share_of(time);
  const std::uint64_t asked = probes(control) - before;
  sink.busy = true;
  control.want_sample();
  const double busy = share_of(time);
  sink.busy = false;
  const std::uint64_t done = sink.done;
  control.stop();
  int following = 0;
  for (std::uint32_t i = 0; i < nodes.size(); ++i) following += nodes.state(i).replayed != 0;
  std::printf(
      "{\"nodes\": %u, \"standbys\": %d, \"idle_percent\": %.3f, \"probes_per_s\": %.1f, "
      "\"busy_percent\": %.3f, \"samples_per_s\": %.1f, \"wrong\": %s}\n",
      nodes.size(), following, idle, static_cast<double>(asked) / seconds, busy,
      static_cast<double>(done) / seconds, sink.wrong ? "true" : "false");
  return sink.wrong ? 1 : 0;
}
