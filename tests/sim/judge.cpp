#include "judge.hpp"

#include <algorithm>

namespace heim::sim {

void Judge::fail(const std::string& what) {
  scheduler_.trace("JUDGE", what);
  if (verdict_.empty()) verdict_ = what;
  scheduler_.stop();
}

void Judge::bind(const Tag& tag, Place place) {
  const auto [it, fresh] = bindings_.try_emplace({tag.client, tag.transaction}, place);
  if (fresh || it->second == place) return;
  if (cluster_ && !wrote_.contains({tag.client, tag.transaction})) {
    it->second = place;  // begun again elsewhere, and nothing is lost by that
    return;
  }
  fail("statement " + tag.text() +
       " ran outside the backend and transaction that began it: backend " +
       std::to_string(place.backend) + " instead of " + std::to_string(it->second.backend));
}

bool Judge::may_repeat(const Start& start, const Tag& tag) const {
  const bool wrote = wrote_.contains({tag.client, tag.transaction});
  return cluster_ && (start.repeatable || (start.ends && !wrote));
}

void Judge::check_order(const Tag& tag) {
  // A statement whose outcome is unknown may run at any time, on a node that was away.
  if (changes_places_ || tag.number <= births_[tag.client]) return;
  std::uint32_t& last = last_number_[tag.client];
  if (tag.number < last) {
    return fail("statement " + tag.text() + " ran after statement number " + std::to_string(last));
  }
  last = tag.number;
}

void Judge::check_timeline(const Start& start, const Tag& tag) {
  if (!start.writes || start.timeline >= known_timeline_) return;
  if (tag.number <= issued_when_known_[tag.client]) return;
  fail("write " + start.tag + " ran on timeline " + std::to_string(start.timeline) +
       ", but the proxy knew of timeline " + std::to_string(known_timeline_));
}

void Judge::started(const Start& start) {
  scheduler_.note("started", mix(start.backend, start.tag), start.block);
  const auto tag = Tag::read(start.tag);
  if (!tag) return;
  on_standbys_ += start.on_standby;
  if (!started_.insert(start.tag).second) {
    if (!may_repeat(start, *tag)) return fail("statement " + start.tag + " was run twice");
  } else {
    check_order(*tag);
  }
  check_timeline(start, *tag);
  if (tag->transaction == 0) return;
  if (start.writes) wrote_.insert({tag->client, tag->transaction});
  // BEGIN could fail, and what was pipelined behind it then runs by itself, as on a server without
  // a proxy. But where BEGIN was done, all the rest belongs there.
  if (start.block != 0 || bindings_.contains({tag->client, tag->transaction})) {
    bind(*tag, {start.backend, start.block});
  }
}

void Judge::refused(const std::string& tag) {
  scheduler_.note("refused", mix(0, tag));
  if (!changes_places_) fail("write " + tag + " was sent to a standby");
}

void Judge::proxy_knows(std::uint32_t timeline) {
  if (timeline <= known_timeline_) return;
  known_timeline_ = timeline;
  issued_when_known_ = issued_;
  scheduler_.trace("judge", "the proxy knows timeline " + std::to_string(timeline));
}

void Judge::block_begun(std::uint64_t backend, std::uint64_t block, const std::string& text) {
  const auto tag = Tag::read(text);
  if (tag && tag->transaction != 0) bind(*tag, {backend, block});
}

void Judge::cancelled(const std::string& text) {
  const auto tag = Tag::read(text);
  if (!tag) return;
  ++cancels_hit_total_;
  if (++cancels_hit_[tag->client] > cancels_sent_[tag->client]) {
    fail("a cancel hit statement " + text + ", whose client sent none for it");
  }
}

void Judge::committed(const std::string& tag) {
  scheduler_.note("committed", mix(0, tag));
  if (!history_.insert(tag).second) fail("write " + tag + " was committed twice");
  if (rolled_back_.contains(tag)) fail("write " + tag + " was committed after a failure was told");
}

void Judge::acknowledged(const std::string& tag) {
  acknowledged_.insert(tag);
  of_cluster_.acknowledged(tag);
  if (!history_.contains(tag)) fail("write " + tag + " was acknowledged but never committed");
}

void Judge::rolled_back(const std::string& tag) {
  rolled_back_.insert(tag);
  if (history_.contains(tag))
    fail("write " + tag + " was committed, but its client was told it failed");
}

void Judge::notified(const std::string& database, const std::string& channel,
                     const std::string& payload) {
  const std::string line = database + ' ' + channel;
  sounds_[payload] = {line, ++notifications_};
  lines_[line].insert(notifications_);
}

void Judge::heard(std::uint32_t client, const std::string& payload, Ear& ear) {
  const std::string who = "client " + std::to_string(client) + " heard " + payload;
  const auto sound = sounds_.find(payload);
  if (sound == sounds_.end()) return fail(who + ", which nobody committed");
  const std::uint64_t number = sound->second.number;
  if (number <= ear.last) return fail(who + " twice, or out of its order");
  const auto& line = lines_[sound->second.line];
  const auto missed = line.upper_bound(std::max(ear.last, ear.since));
  if (ear.whole && number > ear.since && *missed < number) {
    fail(who + ", but not what was told on that channel before it");
  }
  ear.last = number;
}

void Judge::check_history() {
  for (const auto& tag : acknowledged_) {
    if (!history_.contains(tag)) fail("acknowledged write " + tag + " is not in the history");
  }
}

}  // namespace heim::sim
