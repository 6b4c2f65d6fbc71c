#include "runtime/store_thread.hpp"

#include <utility>

#include "runtime/redis_access.hpp"

namespace heim::runtime {
namespace {

using redis::Value;

constexpr std::string_view probe_name = "probe";
constexpr std::size_t most_queued = 16 << 20;  // bytes
constexpr Duration probe_again_after = std::chrono::seconds(10);

fleet::Shelf::Options shelf_options(const config::Settings& settings) {
  fleet::Shelf::Options options;
  options.patience = settings.cache_redis.store_timeout;
  options.seal.encrypts = settings.cache_redis.store_encrypt;
  options.seal.compress_above = settings.cache_redis.store_compress_above;
  options.seal.largest = settings.cache.max_result_size;
  return options;
}

std::string milliseconds(Duration span) {
  const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(span).count();
  return std::to_string(std::max<std::int64_t>(whole, 1));
}

}  // namespace

StoreThread::StoreThread(const config::Settings& settings, session::Shared& shared)
    : settings_(settings.cache_redis),
      shared_(shared),
      logger_(shared.logger),
      transport_(loop_),
      timer_(loop_, [] {}),
      link_(transport_, redis_access(settings_, "heimproxy-store"), *this),
      shelf_(settings_.store_secret.view(), shelf_options(settings), *this),
      prefix_("{" + settings_.name_space + "}:answer:"),
      channel_("__keyspace@" + std::to_string(settings_.database) + "__:" + prefix_) {
  shared_.store = this;
  loop_.set_end_of_turn([this] { turn(); });
}

StoreThread::~StoreThread() { stop(); }

Result<void> StoreThread::prepare() { return set_redis_tls(settings_, transport_); }

void StoreThread::start() {
  thread_ = std::thread([this] {
    timer_.start_in(Duration::zero());
    loop_.run();
  });
}

void StoreThread::stop() {
  if (!thread_.joinable()) return;
  loop_.stop();
  thread_.join();
}

void StoreThread::turn() {
  const Instant now = loop_.now();
  if (link_.is_up() && now >= next_probe_) probe();
  Instant due = std::min(shelf_.step(now), link_.step(now));
  if (link_.is_up()) due = std::min(due, next_probe_);
  link_.flush();
  timer_.start_at(due);
}

// ---- sessions

void StoreThread::ask(std::string key, const Asker& asker) {
  loop_.post([this, key = std::move(key), asker]() mutable {
    shelf_.ask(std::move(key), asker, loop_.now());
  });
}

void StoreThread::put(std::string key, fleet::Parcel parcel, Duration ttl) {
  if (!shelf_.takes()) return;
  const std::size_t size = parcel.answer.size();
  if (queued_.load() + size > most_queued) return;
  queued_ += size;
  auto carried = std::make_shared<fleet::Parcel>(std::move(parcel));
  loop_.post([this, key = std::move(key), carried, ttl, size] {
    queued_ -= size;
    shelf_.put(key, *carried, ttl, loop_.now());
  });
}

std::vector<std::pair<std::string, std::string>> StoreThread::rows() const {
  const fleet::Shelf::Counts counts = shelf_.counts();
  const std::string trouble = shelf_.trouble();
  const bool lists = shelf_.contents.is_complete();
  std::string listed =
      lists ? std::to_string(shelf_.contents.size()) : "not known: each is asked for";
  if (!notifies_) listed = "not known, notify-keyspace-events lacks K$gxe: each is asked for";
  return {{"store", trouble.empty() ? "on" : "not asked: " + trouble},
          {"store_holds", listed},
          {"store_asked", std::to_string(counts.asked)},
          {"store_found", std::to_string(counts.found)},
          {"store_taken", std::to_string(taken.load())},
          {"store_absent", std::to_string(counts.absent)},
          {"store_late", std::to_string(counts.late)},
          {"store_spoilt", std::to_string(counts.spoilt)},
          {"store_refused", std::to_string(counts.refused)},
          {"store_put", std::to_string(counts.put)},
          {"store_not_put", std::to_string(counts.not_put)}};
}

// ---- Redis

// What is left of its time comes with it; what goes in between is not there.
void StoreThread::get(const std::string& key, std::uint64_t number) {
  const std::string name = prefix_ + key;
  auto found = std::make_shared<Value>();
  link_.send({"GET", name}, [found](Value&& answer) { *found = std::move(answer); });
  link_.send({"PTTL", name}, [this, found, number](Value&& left) {
    const Instant now = loop_.now();
    if (left.is_error("LOST")) return;
    const bool there = found->is(Value::Kind::text);
    const bool refused = found->is_error();
    shelf_.got(number, there ? &found->text : nullptr, std::chrono::milliseconds(left.number), now);
    if (refused) shelf_.refused(found->text, now);
  });
}

void StoreThread::set(const std::string& key, std::string bytes, Duration ttl) {
  link_.send({"SET", prefix_ + key, bytes, "PX", milliseconds(ttl)},
             [this, size = bytes.size()](Value&& answer) {
               shelf_.kept(size);
               if (answer.is_error() && !answer.is_error("LOST")) {
                 shelf_.refused(answer.text, loop_.now());
               }
             });
}

void StoreThread::on_up() {
  scanned_ = false;
  notifies_ = false;
  shelf_.up();
  link_.subscribe_pattern(channel_ + "*");
  probe();
  if (std::exchange(last_words_, {}).empty()) return;
  logger_.log(LogLevel::info,
              "the store of the fleet " + settings_.name_space + " is at " + link_.place());
}

// Whether what becomes of keys is told. By the time that it has answered, it has been.
void StoreThread::probe() {
  next_probe_ = loop_.now() + probe_again_after;
  probed_ = false;
  const std::string name = prefix_ + std::string(probe_name);
  link_.send({"SET", name, "", "PX", "1000"});
  link_.send({"PING"}, [this](Value&& answer) {
    if (answer.is_error()) return;
    notifies_ = probed_;
    if (!probed_) {
      scanned_ = false;
      shelf_.contents.lose();
    } else if (!std::exchange(scanned_, true)) {
      scan("0");
    }
  });
}

// What was there before. What comes meanwhile is told.
void StoreThread::scan(const std::string& cursor) {
  link_.send({"SCAN", cursor, "MATCH", prefix_ + "*", "COUNT", "1000"}, [this](Value&& answer) {
    if (answer.items.size() != 2) return;
    for (const Value& name : answer.items[1].items) {
      const std::string_view key = std::string_view(name.text).substr(prefix_.size());
      if (key != probe_name) shelf_.contents.add(key);
    }
    if (answer.items[0].text != "0") return scan(answer.items[0].text);
    shelf_.contents.complete();
  });
}

// pmessage, pattern, __keyspace@0__:KEY, what became of it.
void StoreThread::on_push(Value&& push) {
  if (push.items.size() < 4 || push.items[0].text != "pmessage") return;
  const std::string_view channel = push.items[2].text;
  if (!channel.starts_with(channel_)) return;
  const std::string_view key = channel.substr(channel_.size());
  const std::string& what = push.items[3].text;
  if (key == probe_name) {
    probed_ = true;
  } else if (what == "set") {
    shelf_.contents.add(key);
  } else if (what == "del" || what == "unlink" || what == "expired" || what == "evicted") {
    shelf_.contents.remove(key);
  }
}

void StoreThread::on_down(const std::string& why) {
  notifies_ = false;
  shelf_.down(why);
  if (std::exchange(last_words_, why) != why) {
    logger_.log(LogLevel::warning, "the store of the fleet is not asked: " + why);
  }
}

}  // namespace heim::runtime
