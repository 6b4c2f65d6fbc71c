#include "cache/store.hpp"

#include <malloc.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <limits>
#include <new>

namespace heim::cache {
namespace {

constexpr std::uint64_t chunk_header = 8;  // the allocator's, in front of each block
constexpr std::int64_t long_ago = std::numeric_limits<std::int64_t>::min() / 4;
// A hit notes that the entry was right no more often than this: notes are shared writes.
constexpr std::int64_t note_every_ns = 1'000'000;

std::int64_t ns(Instant at) { return at.time_since_epoch().count(); }

void add(Usage::Count& count, std::uint64_t value) {
  count.fetch_add(value, std::memory_order_relaxed);
}

/// Hits are told to the figures when they have doubled: seldom for who has many.
/// The time that they saved, in us, as far as it is known.
std::uint64_t tell(const Entry& entry, Usage& usage, std::uint64_t hits) {
  add(usage.hits, hits);
  const auto us = static_cast<std::uint64_t>(to_us(entry.cost()));
  add(usage.saved_us, hits * (us == 0 ? Benefit::unknown_us : us));
  return hits * us;
}

std::uint64_t told(std::uint64_t hits) { return hits == 0 ? 0 : std::bit_floor(hits); }

}  // namespace

void Entry::free_this() const {
  if (outlives_) outside_->fetch_sub(charge_, std::memory_order_relaxed);
  this->~Entry();
  std::free(const_cast<Entry*>(this));
}

Forgotten::~Forgotten() {
  for (std::size_t i = 0; i < count_; ++i) entries_[i]->drop();
}

// ---- EntryMaker

std::uint64_t EntryMaker::size(const Answer& answer) {
  std::uint64_t size = 0;
  for (const Bytes piece : answer.pieces) size += piece.size();
  return size;
}

std::uint64_t EntryMaker::footprint(const Answer& answer, std::size_t tables) {
  return sizeof(Entry) + tables * (sizeof(std::uint64_t) + sizeof(TableId)) + size(answer) + 32;
}

EntryRef EntryMaker::make(World& world, const About& about, const Answer& answer, Instant now) {
  const std::span<const TableId> tables = about.fence.tables();
  void* memory = std::malloc(footprint(answer, tables.size()) - 32);
  if (memory == nullptr) throw std::bad_alloc();
  Entry& entry = *::new (memory) Entry;
  entry.charge_ = static_cast<std::uint32_t>(malloc_usable_size(memory) + chunk_header);
  entry.outside_ = &world.outside;
  entry.key_ = about.key;
  entry.fingerprint_ = about.fingerprint;
  entry.usage_ = about.usage;
  entry.grade_ = answer.grade;
  entry.fenced_ = about.fenced;
  entry.generation_ = about.generation;
  entry.usage_generation_ = about.usage_generation;
  entry.moment_ = about.moment;
  entry.began_ = about.began;
  entry.expires_ = now + (answer.ttl > Duration(0) ? answer.ttl : world.limits.ttl);
  entry.layout_ = answer.layout;
  entry.cost_ = answer.cost;
  entry.lsn_ = answer.lsn;
  const bool known = answer.grade == Grade::full || answer.lag >= Duration(0);
  const Duration lag = answer.grade == Grade::full ? Duration(0) : answer.lag;
  entry.known_good_ = known ? ns(about.began) - lag.count() : long_ago;
  entry.table_count_ = static_cast<std::uint16_t>(tables.size());
  std::copy_n(about.fence.versions(), tables.size(), entry.versions());
  std::copy(tables.begin(), tables.end(), entry.ids());
  std::uint8_t* to = const_cast<std::uint8_t*>(entry.data());
  for (const Bytes piece : answer.pieces) to = std::copy(piece.begin(), piece.end(), to);
  entry.size_ = static_cast<std::uint32_t>(to - entry.data());
  return EntryRef(&entry);
}

// ---- Store

Store::Store(World& world, std::uint64_t share) : world_(world), share_(share), queues_(share) {}

Store::~Store() {
  for (std::uint64_t slot = 0; slot < index_.slots(); ++slot) {
    if (Entry* entry = index_.at(slot)) {
      entry->usage_->unpin();
      entry->drop();
    }
  }
}

std::uint64_t Store::capacity() const {
  const std::int64_t outside = world_.outside.load(std::memory_order_relaxed);
  const std::uint64_t taken =
      overhead() + static_cast<std::uint64_t>(std::max<std::int64_t>(outside, 0)) / world_.shards;
  return share_ > taken ? share_ - taken : 0;
}

bool Store::matches(const Entry& entry) const {
  return unchanged(world_.ledger, entry.tables(), entry.versions());
}

bool Store::is_void(const Entry& entry) const {
  return entry.generation_ != world_.generation.load() ||
         entry.usage_generation_ != entry.usage_->generation.load();
}

bool Store::is_out_of_date(const Entry& entry) const {
  return is_void(entry) || (entry.fenced_ && !matches(entry));
}

bool Store::is_dead(const Entry& entry, Instant now) const {
  return now >= entry.expires_ || is_out_of_date(entry);
}

bool Store::was_right(const Entry& entry, Duration ago, Instant now) const {
  if (is_void(entry)) return false;
  const std::int64_t right =
      std::min(entry.known_good_.load(std::memory_order_relaxed), ns(entry.expires_));
  return ns(now) - right <= ago.count();
}

/// Though a commit came in between, or may have.
bool Store::is_weaker_good(const Entry& entry, const Wish& wish, Instant now) const {
  switch (wish.scope) {
    case freshness::Scope::strict:
      return false;
    case freshness::Scope::session:
    case freshness::Scope::group:
      if (entry.grade_ == Grade::full) return entry.moment_ >= wish.after;
      return wish.after == 0 || (wish.lsn != 0 && entry.lsn_ >= wish.lsn);
    case freshness::Scope::bounded:
      return was_right(entry, wish.bound, now);
    case freshness::Scope::any:
      return true;
  }
  return false;
}

Use Store::judge(const Entry& entry, const Wish& wish, Instant now) const {
  if (is_void(entry)) return Use::dead;
  if (now >= entry.expires_) return Use::expired;
  if (wish.max_age > Duration(0) && now - entry.began_ > wish.max_age) return Use::expired;
  if (entry.fenced_ && matches(entry)) {
    if (ns(now) - entry.known_good_.load(std::memory_order_relaxed) > note_every_ns) {
      entry.known_good_.store(ns(now), std::memory_order_relaxed);
    }
    return Use::strict;
  }
  return is_weaker_good(entry, wish, now) ? Use::weaker : Use::dead;
}

// Under the shard's lock: no other writes the count.
EntryRef Store::lend(Entry& entry) {
  const std::uint64_t hits = entry.hits() + 1;
  entry.hits_.store(hits, std::memory_order_relaxed);
  if (std::has_single_bit(hits)) saved_us_ += tell(entry, *entry.usage_, hits - hits / 2);
  Queues::used(entry);
  entry.keep();
  return EntryRef(&entry);
}

bool Store::reserve(std::uint64_t bytes, Instant now, Forgotten& forgotten) {
  const auto dead = [&](const Entry& entry) { return is_dead(entry, now); };
  // What somebody still holds makes no room: the capacity shrinks by it.
  for (std::uint64_t room = capacity(); this->bytes() + bytes > room; room = capacity()) {
    if (bytes > room || forgotten.full()) return false;
    Entry* victim = queues_.victim(room, bytes, dead);
    if (victim == nullptr) return false;
    ++(is_dead(*victim, now) ? evicted_dead : evicted);
    forget(*victim, forgotten);
  }
  reserved_ += bytes;
  return true;
}

void Store::insert(const EntryRef& made, std::uint64_t reserved, Forgotten& forgotten) {
  Entry& entry = const_cast<Entry&>(*made);  // nobody else has it yet
  index_.reserve();
  reserved_ -= reserved;
  if (Entry* before = index_.find(entry.key_)) forget(*before, forgotten);
  entry.keep();
  index_.put(entry);
  queues_.add(entry);
}

void Store::forget(Entry& entry, Forgotten& forgotten) {
  Usage& usage = *entry.usage_;
  if (is_out_of_date(entry)) add(usage.invalidated, 1);
  index_.remove(entry);
  queues_.remove(entry);
  const std::uint64_t hits = entry.hits();
  saved_us_ += tell(entry, usage, hits - told(hits));
  add(usage.ended, 1);
  if (hits == 0) add(usage.unused, 1);
  usage.unpin();
  // Nobody else can come to hold it from here on.
  entry.outlives_ = entry.refs_.load(std::memory_order_acquire) > 1;
  if (entry.outlives_) world_.outside.fetch_add(entry.charge_, std::memory_order_relaxed);
  forgotten.entries_[forgotten.count_++] = &entry;
}

}  // namespace heim::cache
