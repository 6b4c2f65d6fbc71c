// AnalysisCache: entries in a slab, found by the hash of a normal form; in front of them a table of
// fixed size from the hashes of whole texts to entries, so that a hit has nothing to allocate.
//
// Texts are compared by their hashes alone. That is sound because the seed is secret: who does not
// know it cannot make two texts collide, and 128 bits do not do so by chance.
#include <unordered_map>
#include <vector>

#include "sql/analysis.hpp"
#include "sql/script.hpp"

namespace heim::sql {

namespace {

/// Longer texts are found by their normal form only: they hardly come twice.
constexpr std::size_t exact_limit = 16 << 10;

struct Entry {
  Hash128 key;
  ScriptRef script;  // null: free
  std::size_t cost = 0;
  std::uint32_t generation = 0;  // how often this place was given back
  bool visited = false;
};

/// From a text to an entry, as long as that is the same one.
struct Slot {
  Hash128 key;
  std::uint32_t entry = 0;
  std::uint32_t generation = 0;
  bool used = false;
  bool visited = false;
};

/// What a place for an entry takes for good: it, its number among the free and its bucket, in
/// vectors that grow by doubling and never shrink.
constexpr std::size_t place_cost = 2 * (sizeof(Entry) + sizeof(std::uint32_t) + sizeof(void*));
/// What an entry takes beside its place and script: a node of the index.
constexpr std::size_t node_cost = 48;

constexpr std::size_t ways = 4;  // slots that one text may stand in

/// A power of two, of about an eighth of the memory.
std::size_t slots_for(std::size_t bytes) {
  std::size_t count = ways;
  while (count * 2 * sizeof(Slot) <= bytes / 8) count *= 2;
  return count;
}

}  // namespace

struct AnalysisCache::Body {
  Body(std::uint64_t secret, std::size_t bytes)
      : seed(secret), limit(bytes), slots(slots_for(bytes)) {
    counts.bytes = slots.size() * sizeof(Slot);
    form.reserve();
  }

  const ScriptRef& find(std::string_view text, ParserHost* host);
  Slot* set_of(Hash128 key) { return &slots[key.high & (slots.size() - 1) & ~(ways - 1)]; }
  const ScriptRef* exact_hit(Hash128 key);
  const ScriptRef* entry_hit(Hash128 key, Hash128 exact, bool remember);
  void remember_exact(Hash128 key, std::uint32_t entry);
  const ScriptRef& keep(Hash128 key, ScriptRef script, Hash128 exact, bool remember);
  std::uint32_t place();
  void make_room(std::size_t cost);

  std::uint64_t seed;
  std::size_t limit;
  NormalForm form;
  std::vector<Slot> slots;
  std::vector<Entry> entries;
  std::vector<std::uint32_t> free;
  std::unordered_map<Hash128, std::uint32_t> index;
  std::size_t hand = 0;
  ScriptRef last;  // what is too large to be kept
  Counts counts;
};

const ScriptRef* AnalysisCache::Body::exact_hit(Hash128 key) {
  Slot* const set = set_of(key);
  for (Slot* slot = set; slot != set + ways; ++slot) {
    if (!slot->used || slot->key != key) continue;
    Entry& entry = entries[slot->entry];
    if (entry.generation != slot->generation) {
      slot->used = false;
      return nullptr;
    }
    slot->visited = entry.visited = true;
    return &entry.script;
  }
  return nullptr;
}

/// The first slot of the set that is free or was not visited since the last look.
void AnalysisCache::Body::remember_exact(Hash128 key, std::uint32_t entry) {
  Slot* const set = set_of(key);
  Slot* victim = nullptr;
  for (Slot* slot = set; slot != set + ways && victim == nullptr; ++slot) {
    const bool stale = slot->used && entries[slot->entry].generation != slot->generation;
    if (!slot->used || stale || !slot->visited) victim = slot;
    slot->visited = false;
  }
  if (victim == nullptr) victim = set + (key.low & (ways - 1));
  *victim = {key, entry, entries[entry].generation, true, false};
}

const ScriptRef* AnalysisCache::Body::entry_hit(Hash128 key, Hash128 exact, bool remember) {
  const auto found = index.find(key);
  if (found == index.end()) return nullptr;
  Entry& entry = entries[found->second];
  entry.visited = true;
  if (remember) remember_exact(exact, found->second);
  return &entry.script;
}

/// CLOCK: the hand gives what was visited a second chance.
void AnalysisCache::Body::make_room(std::size_t cost) {
  while (counts.bytes + cost > limit && counts.entries > 0) {
    if (hand >= entries.size()) hand = 0;
    Entry& entry = entries[hand];
    if (entry.script && !entry.visited) {
      index.erase(entry.key);
      entry.script.reset();
      ++entry.generation;
      counts.bytes -= entry.cost;
      --counts.entries;
      free.push_back(static_cast<std::uint32_t>(hand));
    }
    entry.visited = false;
    ++hand;
  }
}

std::uint32_t AnalysisCache::Body::place() {
  if (free.empty()) {
    entries.emplace_back();
    counts.bytes += place_cost;
    return static_cast<std::uint32_t>(entries.size() - 1);
  }
  const std::uint32_t place = free.back();
  free.pop_back();
  return place;
}

const ScriptRef& AnalysisCache::Body::keep(Hash128 key, ScriptRef script, Hash128 exact,
                                           bool remember) {
  const std::size_t cost = script->bytes + node_cost;
  if (cost > limit / 4) return last = std::move(script);
  make_room(cost + place_cost);
  const std::uint32_t at = place();
  Entry& entry = entries[at];
  entry.key = key;
  entry.script = std::move(script);
  entry.cost = cost;
  entry.visited = false;
  index.emplace(key, at);
  counts.bytes += cost;
  ++counts.entries;
  if (remember) remember_exact(exact, at);
  return entry.script;
}

const ScriptRef& AnalysisCache::Body::find(std::string_view text, ParserHost* host) {
  const bool exact = text.size() <= exact_limit;
  // Another seed: no text has the key that a normal form has.
  const Hash128 text_key = exact ? hash128(text, ~seed) : Hash128{};
  if (exact) {
    if (const ScriptRef* hit = exact_hit(text_key)) {
      ++counts.exact_hits;
      return *hit;
    }
  }
  form.read(text);
  const bool normal = form.complete() && !form.open();
  const Hash128 key = normal ? hash128(form.text(), seed) : text_key;
  const ScriptRef* hit = normal ? entry_hit(key, text_key, exact) : nullptr;
  // What was not understood stands under its whole text: another literal may be understood.
  if (hit == nullptr && exact) hit = entry_hit(text_key, text_key, true);
  if (hit != nullptr) {
    ++counts.normal_hits;
    return *hit;
  }
  ++counts.misses;
  ScriptRef script = make_script(text, form, host);
  const bool understood = script->understood;
  if (!understood) ++counts.not_understood;
  if (understood ? !normal : !exact) return last = std::move(script);
  return keep(understood ? key : text_key, std::move(script), text_key, exact);
}

AnalysisCache::AnalysisCache(std::uint64_t seed) : AnalysisCache(seed, Limits()) {}
AnalysisCache::AnalysisCache(std::uint64_t seed, Limits limits)
    : body_(std::make_unique<Body>(seed, limits.bytes)) {}
AnalysisCache::~AnalysisCache() = default;

const ScriptRef& AnalysisCache::find(std::string_view text) { return body_->find(text, host_); }
const AnalysisCache::Counts& AnalysisCache::counts() const { return body_->counts; }

}  // namespace heim::sql
