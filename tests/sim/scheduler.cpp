#include "scheduler.hpp"

#include <algorithm>
#include <cstdio>

namespace heim::sim {

std::uint64_t mix(std::uint64_t hash, std::string_view bytes) {
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

void Scheduler::at(Instant when, std::string_view what, std::uint64_t who, Task task) {
  heap_.push_back({std::max(when, now_), order_++, what, who, std::move(task)});
  std::push_heap(heap_.begin(), heap_.end(), later);
}

bool Scheduler::run_one(Instant end) {
  if (stopped_ || heap_.empty() || heap_.front().when > end) return false;
  std::pop_heap(heap_.begin(), heap_.end(), later);
  Event event = std::move(heap_.back());
  heap_.pop_back();
  now_ = event.when;
  ++events_;
  note(event.what, event.who, static_cast<std::uint64_t>(now_.time_since_epoch().count()));
  event.task();
  return true;
}

void Scheduler::run_until(Instant end) {
  while (run_one(end)) {
  }
  if (!stopped_) now_ = std::max(now_, end);
}

void Scheduler::note(std::string_view what, std::uint64_t a, std::uint64_t b) {
  const std::uint64_t numbers[] = {a, b};
  hash_ = mix(mix(hash_, what), {reinterpret_cast<const char*>(numbers), sizeof numbers});
}

void Scheduler::trace(std::string_view who, std::string_view text) const {
  if (!trace_) return;
  const double at = static_cast<double>(now_.time_since_epoch().count()) / 1e9;
  std::printf("%12.6f %-14.*s %.*s\n", at, static_cast<int>(who.size()), who.data(),
              static_cast<int>(text.size()), text.data());
}

}  // namespace heim::sim
