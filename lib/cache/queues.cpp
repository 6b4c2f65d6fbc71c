#include "cache/queues.hpp"

namespace heim::cache {

void Queues::push(Entry& entry, std::uint8_t queue) {
  entry.queue_ = queue;
  Queue& to = queue_of(entry);
  entry.prev_ = nullptr;
  entry.next_ = to.newest;
  (to.newest != nullptr ? to.newest->prev_ : to.oldest) = &entry;
  to.newest = &entry;
  to.bytes += entry.charge_;
}

void Queues::add(Entry& entry) {
  entry.uses_ = 0;
  push(entry, 0);
}

void Queues::remove(Entry& entry) {
  Queue& from = queue_of(entry);
  (entry.prev_ != nullptr ? entry.prev_->next_ : from.newest) = entry.next_;
  (entry.next_ != nullptr ? entry.next_->prev_ : from.oldest) = entry.prev_;
  from.bytes -= entry.charge_;
}

}  // namespace heim::cache
