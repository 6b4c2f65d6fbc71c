#include "runtime/fleet_thread.hpp"

#include <unistd.h>

#include <array>
#include <charconv>
#include <utility>

#include "config/address.hpp"
#include "runtime/redis_access.hpp"

namespace heim::runtime {
namespace {

using redis::Value;

// By then all have joined a new list that can reach it: see Access::longest_pause.
constexpr std::int64_t young_ms = 5'000;
constexpr Duration list_again_after = std::chrono::seconds(5);
constexpr Duration longest_goodbye = std::chrono::milliseconds(500);

std::int64_t number_of(std::string_view text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::string member_name(const config::Settings& settings) {
  if (!settings.cache_redis.member.empty()) return settings.cache_redis.member;
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  const std::vector<std::string>& addresses = settings.proxy.listen_address;
  const auto address = addresses.empty() ? std::nullopt : config::parse_address(addresses[0], 0);
  // One that listens nowhere is one of many processes of a program.
  const bool listens = address && address->port != 0;
  return std::string(host.data()) +
         (listens ? ":" + std::to_string(address->port) : "/" + std::to_string(::getpid()));
}

fleet::Options fleet_options(const config::Settings& settings, crypto::Random& random) {
  fleet::Options options;
  options.name = member_name(settings);
  random.fill(reinterpret_cast<std::uint8_t*>(&options.process), sizeof options.process);
  options.process >>= 1;  // numbers of commits begin there
  options.lease = settings.cache_redis.lease;
  options.interval = settings.cache_redis.interval;
  options.stamps = has_store(settings);
  options.strict = settings.cache_redis.coherence == config::Coherence::strict;
  options.forget_after = settings.cache_redis.forget_after;
  options.clock = [] { return Instant(std::chrono::steady_clock::now()); };
  return options;
}

// Of INFO: "run_id:0123...".
std::string field(std::string_view info, std::string_view name) {
  const std::string label = "\r\n" + std::string(name) + ":";
  const std::size_t at = info.find(label);
  if (at == std::string_view::npos) return {};
  info.remove_prefix(at + label.size());
  return std::string(info.substr(0, info.find('\r')));
}

// What tells the history of a server that stood in for another one from that one's: some of what
// was listed there may not have come across. Empty: it is the first.
std::string promotion(std::string_view info) {
  const bool first = field(info, "master_replid2").find_first_not_of('0') == std::string::npos;
  return first ? std::string() : field(info, "master_replid");
}

}  // namespace

FleetThread::FleetThread(const config::Settings& settings, session::Shared& shared)
    : settings_(settings.cache_redis),
      shared_(shared),
      logger_(shared.logger),
      transport_(loop_),
      wakeup_(loop_, [] {}),
      timer_(loop_, [] {}),
      fleet_(
          fleet_options(settings, shared.random), shared.ledger, shared.trust, shared.cover,
          [&shared](std::uint64_t token) { shared.wake_withheld(token); }, *this),
      link_(transport_, redis_access(settings_, "heimproxy"), *this),
      channel_(key("fleet")) {
  shared_.fleet = &fleet_;
  shared_.ledger.tell(&fleet_);
  loop_.set_end_of_turn([this] { turn(); });
}

FleetThread::~FleetThread() { stop(); }

Result<void> FleetThread::prepare() { return set_redis_tls(settings_, transport_); }

void FleetThread::start() {
  thread_ = std::thread([this] {
    timer_.start_in(Duration::zero());
    loop_.run();
  });
}

void FleetThread::stop() {
  if (!thread_.joinable()) return;
  loop_.post([this] { say_goodbye(); });
  thread_.join();
}

void FleetThread::say_goodbye() {
  leaves_ = true;
  fleet_.say_goodbye(loop_.now());
  // What was said has been heard by the server, or will not be.
  if (!link_.is_up()) return loop_.stop();
  link_.send({"PING"}, [this](Value&&) { loop_.stop(); });
  timer_.start_in(longest_goodbye);
}

std::string FleetThread::key(std::string_view what) const {
  return "{" + settings_.name_space + "}:" + std::string(what);
}

// At the end of each turn: whatever happened in it is acted upon.
void FleetThread::turn() {
  const Instant now = loop_.now();
  if (!loss_.empty()) link_.drop(std::exchange(loss_, {}));
  if (leaves_) {
    link_.flush();
    if (!timer_.active()) loop_.stop();
    return;
  }
  const Instant due = std::min(fleet_.step(now), link_.step(now));
  if (link_.is_up() && run_ != 0 && now >= listed_at_ + list_again_after) list_again(now);
  link_.flush();
  timer_.start_at(due);
}

// ---- joining: subscribe, then look at the list

void FleetThread::on_up() {
  subscribed_ = false;
  run_ = 0;
  link_.subscribe(channel_);
  link_.send({"TIME"}, [this](Value&& time) { look_at_time(time); });
  link_.flush();
}

bool FleetThread::is_good(const Value& answer) {
  if (!answer.is_error()) return true;
  if (!answer.is_error("LOST")) loss_ = answer.text;
  return false;
}

void FleetThread::look_at_time(const Value& time) {
  if (!is_good(time)) return;
  if (!subscribed_ || time.items.empty()) {
    loss_ = "the subscription was not confirmed";
    return;
  }
  server_ms_ = number_of(time.items[0].text) * 1000;
  ask_server();
}

void FleetThread::ask_server() {
  link_.send({"INFO", "server"}, [this](Value&& info) {
    server_run_ = info.is_error() ? std::string() : field(info.text, "run_id");
  });
  link_.send({"INFO", "replication"}, [this](Value&& info) {
    if (!is_good(info)) return;
    const std::string promoted = promotion(info.text);
    enlist(promoted.empty() ? key("life") : key("life:" + promoted));
  });
  link_.flush();
}

void FleetThread::enlist(const std::string& life_key) {
  const std::string life =
      std::to_string(fleet_.options().process) + " " + std::to_string(server_ms_);
  link_.send({"SET", life_key, life, "NX"}, [this](Value&& answer) { is_good(answer); });
  link_.send({"GET", life_key}, [this](Value&& answer) { life_ = answer.text; });
  link_.send({"INCR", key("runs")}, [this](Value&& answer) {
    if (!is_good(answer)) return;
    run_ = static_cast<std::uint64_t>(answer.number);
    list_again(loop_.now());
    link_.send({"HGETALL", key("members")}, [this](Value&& members) { join(members); });
    link_.flush();
  });
  link_.flush();
}

void FleetThread::list_again(Instant now) {
  listed_at_ = now;
  link_.send({"HSET", key("members"), fleet_.options().name, std::to_string(run_)},
             [this](Value&& answer) { is_good(answer); });
}

void FleetThread::join(const Value& members) {
  if (!is_good(members) || !loss_.empty()) return;
  fleet::Fleet::Roll roll;
  roll.run = run_;
  for (std::size_t i = 0; i + 1 < members.items.size(); i += 2) {
    roll.members.emplace_back(members.items[i].text,
                              static_cast<std::uint64_t>(number_of(members.items[i + 1].text)));
  }
  roll.complete = !server_run_.empty() && server_run_ == server_run_before_ &&
                  life_ == life_before_ && !life_.empty();
  server_run_before_ = server_run_;
  life_before_ = life_;
  const std::size_t blank = life_.find(' ');
  const std::int64_t since = blank == std::string::npos
                                 ? server_ms_
                                 : number_of(std::string_view(life_).substr(blank + 1));
  const std::int64_t age = server_ms_ - since;
  if (age < young_ms)
    roll.wait = std::chrono::milliseconds(young_ms - std::max<std::int64_t>(age, 0));
  logger_.log(LogLevel::info, "joined the fleet " + settings_.name_space + " at " + link_.place() +
                                  " as " + fleet_.options().name);
  last_words_.clear();
  fleet_.join(roll, loop_.now());
}

// ---- the channel

void FleetThread::publish(std::string message) {
  link_.send({"PUBLISH", channel_, message}, [this](Value&& answer) { is_good(answer); });
}

void FleetThread::on_push(Value&& push) {
  if (push.items.size() < 3) return;
  if (push.items[0].text == "subscribe") {
    subscribed_ = true;
  } else if (push.items[0].text == "message") {
    loop_.refresh_now();  // not earlier than its arrival
    fleet_.hear(push.items[2].text, loop_.now());
  }
}

void FleetThread::on_down(const std::string& why) {
  run_ = 0;
  fleet_.leave(why, loop_.now());
  if (std::exchange(last_words_, why) != why) {
    logger_.log(LogLevel::warning,
                "out of step with the fleet, nothing is answered from the cache: " + why);
  }
}

void FleetThread::forget() {
  shared_.catalogs.all_changed();
  shared_.cache->invalidate_all();
}

void FleetThread::unlist(const std::string& name, std::uint64_t run) {
  link_.send({"HGET", key("members"), name}, [this, name, run](Value&& listed) {
    if (listed.text == std::to_string(run)) link_.send({"HDEL", key("members"), name});
  });
}

}  // namespace heim::runtime
