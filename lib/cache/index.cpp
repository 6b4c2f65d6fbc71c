#include "cache/index.hpp"

namespace heim::cache {

void Index::place(std::vector<Slot>& slots, Entry& entry) {
  const std::uint64_t mask = slots.size() - 1, tag = entry.key().low;
  std::uint64_t at = tag & mask;
  while (slots[at].entry != nullptr) at = (at + 1) & mask;
  slots[at] = {tag, &entry};
}

void Index::resize(std::uint64_t size) {
  std::vector<Slot> larger(size);
  for (const Slot& slot : slots_) {
    if (slot.entry != nullptr) place(larger, *slot.entry);
  }
  slots_.swap(larger);
}

// What comes behind the gap moves into it, unless that is before its home.
void Index::remove(const Entry& entry) {
  std::uint64_t gap = home(entry.key().low);
  while (slots_[gap].entry != &entry) gap = next(gap);
  const std::uint64_t mask = slots_.size() - 1;
  for (std::uint64_t at = next(gap); slots_[at].entry != nullptr; at = next(at)) {
    const std::uint64_t from_home = (at - home(slots_[at].tag)) & mask;
    if (from_home < ((at - gap) & mask)) continue;
    slots_[gap] = slots_[at];
    gap = at;
  }
  slots_[gap] = {};
  --count_;
}

}  // namespace heim::cache
