#include "cluster/breaker.hpp"

#include <algorithm>

namespace heim::cluster {

Breaker::Slot Breaker::sum() const {
  Slot all;
  for (const Slot& slot : window_) {
    all.good += slot.good;
    all.bad += slot.bad;
  }
  return all;
}

double Breaker::rate() const {
  const Slot all = sum();
  const auto events = static_cast<double>(all.good + all.bad);
  return events > 0 ? static_cast<double>(all.bad) / events : 0;
}

double Breaker::limit(const BreakerOptions& options) const {
  return std::min(0.95, std::max(options.threshold, options.factor * usual_));
}

// What happened in a slot moves what is usual a little: a burst must not become the norm before it
// is noticed.
void Breaker::learn(const Slot& slot) {
  const auto events = static_cast<double>(slot.good + slot.bad);
  if (events <= 0) return;
  const double weight = std::min(0.01, events / 10000);
  usual_ += weight * (static_cast<double>(slot.bad) / events - usual_);
}

void Breaker::turn(const BreakerOptions& options, Instant now) {
  const Duration width = std::max<Duration>(options.window / slots, std::chrono::milliseconds(1));
  if (now < slot_ends_) return;
  if (now - slot_ends_ > options.window) {
    window_.fill({});
    slot_ends_ = now + width;
    return;
  }
  while (slot_ends_ <= now) {
    if (state_ == State::closed) learn(window_[slot_]);
    slot_ = (slot_ + 1) % slots;
    window_[slot_] = {};
    slot_ends_ += width;
  }
}

void Breaker::open(const BreakerOptions& options, Instant now) {
  // Soon after it closed it opens for longer; after a calm time as if for the first time.
  const bool again = state_ == State::half_open || now - closed_since_ < options.window;
  rest_ =
      again && rest_ > Duration::zero() ? std::min(2 * rest_, options.longest_rest) : options.rest;
  rests_until_ = now + rest_;
  state_ = State::open;
  window_.fill({});
}

void Breaker::count_trial(std::uint64_t good, std::uint64_t bad, const BreakerOptions& options,
                          Instant now) {
  if (bad > 0) return open(options, now);
  passed_ += good;
  if (passed_ < options.trial) return;
  state_ = State::closed;
  closed_since_ = now;
  window_.fill({});
}

void Breaker::count(std::uint64_t good, std::uint64_t bad, const BreakerOptions& options,
                    Instant now) {
  tick(options, now);
  if (good + bad == 0 || state_ == State::open) return;  // stragglers change nothing
  if (state_ == State::half_open) return count_trial(good, bad, options, now);
  window_[slot_].good += good;
  window_[slot_].bad += bad;
  const Slot all = sum();
  if (bad == 0 || all.good + all.bad < options.minimum) return;
  if (rate() >= limit(options)) open(options, now);
}

void Breaker::tick(const BreakerOptions& options, Instant now) {
  turn(options, now);
  if (state_ != State::open || now < rests_until_) return;
  state_ = State::half_open;
  passed_ = 0;
}

const char* to_text(Breaker::State state) {
  switch (state) {
    case Breaker::State::closed:
      return "closed";
    case Breaker::State::open:
      return "open";
    case Breaker::State::half_open:
      return "half-open";
  }
  return "";
}

}  // namespace heim::cluster
