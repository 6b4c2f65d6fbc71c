#include "fleet/shelf.hpp"

#include <utility>

namespace heim::fleet {

template <class Change>
void Shelf::count(const Change& change) {
  const std::lock_guard lock(mutex_);
  change(counts_);
}

Shelf::Counts Shelf::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

std::string Shelf::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

// Nobody asks while it rests.
void Shelf::look_at_state() {
  const bool open = up_ && rests_until_ == Instant{};
  open_ = open;
  if (!open) return;
  const std::lock_guard lock(mutex_);
  trouble_.clear();
}

void Shelf::rest(const std::string& why, Instant now) {
  rests_until_ = now + options_.pause;
  look_at_state();
  const std::lock_guard lock(mutex_);
  trouble_ = why;
}

void Shelf::up() {
  up_ = true;
  rests_until_ = {};
  look_at_state();
}

void Shelf::down(const std::string& why) {
  up_ = false;
  bytes_out_ = 0;
  contents.lose();
  look_at_state();
  {
    const std::lock_guard lock(mutex_);
    trouble_ = why;
  }
  for (const Asked& each : std::exchange(asked_, {})) owner_.tell(each.asker, {});
}

void Shelf::ask(std::string key, const Store::Asker& asker, Instant now) {
  // What was on its way here when that changed.
  if (!open_ || asked_.size() >= options_.most_asked) {
    count([](Counts& counts) { ++counts.not_asked; });
    return owner_.tell(asker, {});
  }
  count([](Counts& counts) { ++counts.asked; });
  owner_.get(key, ++last_number_);
  asked_.push_back({last_number_, std::move(key), asker, now});
}

bool Shelf::takes() {
  if (open_) return true;
  count([](Counts& counts) { ++counts.not_put; });
  return false;
}

void Shelf::put(const std::string& key, const Parcel& parcel, Duration ttl, Instant now) {
  std::string bytes;
  const bool can = open_ && bytes_out_ < options_.most_bytes && rests_until_ <= now;
  count([can](Counts& counts) { can ? ++counts.put : ++counts.not_put; });
  if (!can) return;
  bytes = seal_.close(key, parcel, random_);
  bytes_out_ += bytes.size();
  owner_.set(key, std::move(bytes), ttl);
}

void Shelf::kept(std::size_t bytes) { bytes_out_ -= std::min(bytes, bytes_out_); }

void Shelf::got(std::uint64_t number, const std::string* bytes, Duration left, Instant /*now*/) {
  // The first of them, but for those that were given up.
  if (asked_.empty() || asked_.front().number != number) return;
  const Asked asked = std::move(asked_.front());
  asked_.pop_front();
  Store::Found found;
  if (bytes != nullptr && left > Duration::zero()) {
    found = {seal_.open(asked.key, *bytes), left};
  }
  count([&](Counts& counts) {
    if (found.parcel) {
      ++counts.found;
    } else {
      bytes == nullptr ? ++counts.absent : ++counts.spoilt;
    }
  });
  owner_.tell(asked.asker, std::move(found));
}

void Shelf::refused(const std::string& why, Instant now) {
  count([](Counts& counts) { ++counts.refused; });
  rest("it says " + why, now);
}

Instant Shelf::step(Instant now) {
  bool late = false;
  while (!asked_.empty() && asked_.front().since + options_.patience <= now) {
    const Asked asked = std::move(asked_.front());
    asked_.pop_front();
    late = true;
    count([](Counts& counts) { ++counts.late; });
    owner_.tell(asked.asker, {});
  }
  if (late) rest("it was late", now);
  if (rests_until_ != Instant{} && rests_until_ <= now) {
    rests_until_ = {};
    look_at_state();
  }
  Instant due = rests_until_ == Instant{} ? never : rests_until_;
  if (!asked_.empty()) due = std::min(due, asked_.front().since + options_.patience);
  return due;
}

}  // namespace heim::fleet
