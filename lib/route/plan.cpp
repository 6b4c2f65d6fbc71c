#include "route/plan.hpp"

#include <array>
#include <charconv>
#include <unordered_map>

#include "route/cacheable.hpp"
#include "sql/normal_form.hpp"

namespace heim::route {

namespace {

std::size_t owned(const std::vector<std::string>& names) {
  std::size_t bytes = names.capacity() * sizeof(std::string);
  for (const std::string& name : names) bytes += name.capacity();
  return bytes;
}

std::size_t bytes_of(const sql::Script& script, const Plan& plan) {
  constexpr std::size_t ids = sizeof(freshness::TableId);
  return script.bytes + sizeof(Plan) + owned(plan.needs.reads) + owned(plan.needs.writes) +
         (plan.reads.capacity() + plan.writes.capacity()) * ids + 128;
}

void intern(std::vector<freshness::TableId>& to, const std::vector<std::string>& names,
            freshness::Ledger& ledger, freshness::DatabaseId database) {
  to.reserve(to.size() + names.size());
  for (const std::string& name : names) to.push_back(ledger.intern(database, name));
}

RuleMask match(const Rules& rules, const sql::Script& script, std::string_view text,
               const Needs& needs) {
  sql::NormalForm form;
  form.read(text);
  std::vector<std::string> tables = needs.reads;
  tables.insert(tables.end(), needs.writes.begin(), needs.writes.end());
  return rules.of_statement(fingerprint_text(script.fingerprint), form.text(), tables);
}

}  // namespace

std::string fingerprint_text(const Hash128& fingerprint) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const std::uint64_t half : {fingerprint.high, fingerprint.low}) {
    for (int shift = 60; shift >= 0; shift -= 4) out += digits[half >> shift & 15];
  }
  return out;
}

std::optional<Hash128> read_fingerprint(std::string_view text) {
  Hash128 fingerprint;
  constexpr std::size_t half = 16;
  if (text.size() != 2 * half) return {};
  std::uint64_t* parts[] = {&fingerprint.high, &fingerprint.low};
  for (std::size_t i = 0; i < 2; ++i) {
    const char* from = text.data() + i * half;
    const auto [end, error] = std::from_chars(from, from + half, *parts[i], 16);
    if (error != std::errc() || end != from + half) return {};
  }
  return fingerprint;
}

Plan make_plan(const sql::Script& script, std::string_view text, const sql::Catalog* catalog,
               const Rules* rules, freshness::Ledger& ledger, freshness::DatabaseId database) {
  Plan plan;
  plan.needs = classify(script, catalog);
  plan.database = database;
  plan.reads = {ledger.everything(database)};
  plan.uncached = why_not_cached(script, plan.needs);
  if (plan.needs.server_wide) plan.reads.push_back(freshness::Ledger::server_wide);
  // What a text names that nobody knows takes no room in the ledger for ever.
  const bool known = catalog != nullptr;
  if (known || !plan.needs.reads_everything) intern(plan.reads, plan.needs.reads, ledger, database);
  if (plan.needs.writes_everything) plan.writes.push_back(ledger.everything(database));
  if (plan.needs.writes_server_wide) plan.writes.push_back(freshness::Ledger::server_wide);
  if (known || !plan.needs.writes_everything) {
    intern(plan.writes, plan.needs.writes, ledger, database);
  }
  if (rules != nullptr) plan.rules = match(*rules, script, text, plan.needs);
  return plan;
}

struct PlanCache::Entry {
  sql::ScriptRef script;  // null: free
  Plan plan;
  std::size_t cost = 0;
  bool visited = false;
};

struct PlanCache::Body {
  Limits limits;
  Context context;
  std::vector<Entry> entries;
  std::vector<std::uint32_t> free;
  std::unordered_map<const sql::Script*, std::uint32_t> index;
  std::size_t hand = 0;
  Entry last;  // what is too large to be kept
};

PlanCache::PlanCache() : PlanCache(Limits()) {}
PlanCache::PlanCache(Limits limits) : body_(std::make_unique<Body>()) { body_->limits = limits; }
PlanCache::~PlanCache() = default;

void PlanCache::use(Context context) {
  Context& now = body_->context;
  const bool same = now.catalog == context.catalog && now.rules == context.rules &&
                    now.ledger == context.ledger && now.database == context.database;
  now = std::move(context);
  if (same) return;
  body_->entries.clear();
  body_->free.clear();
  body_->index.clear();
  body_->hand = 0;
  counts_.entries = counts_.bytes = 0;
}

// CLOCK, as in the cache of analyses.
void PlanCache::make_room(std::size_t cost) {
  Body& body = *body_;
  while (counts_.entries > 0 &&
         (counts_.bytes + cost > body.limits.bytes || counts_.entries >= body.limits.entries)) {
    if (body.hand >= body.entries.size()) body.hand = 0;
    Entry& entry = body.entries[body.hand];
    if (entry.script && !entry.visited) {
      body.index.erase(entry.script.get());
      counts_.bytes -= entry.cost;
      --counts_.entries;
      entry = Entry();
      body.free.push_back(static_cast<std::uint32_t>(body.hand));
    }
    entry.visited = false;
    ++body.hand;
  }
}

Plan* PlanCache::peek(const sql::Script* script) {
  const auto found = body_->index.find(script);
  return found == body_->index.end() ? nullptr : &body_->entries[found->second].plan;
}

Plan& PlanCache::find(const sql::ScriptRef& script, std::string_view text) {
  Body& body = *body_;
  if (const auto found = body.index.find(script.get()); found != body.index.end()) {
    ++counts_.hits;
    Entry& entry = body.entries[found->second];
    entry.visited = true;
    return entry.plan;
  }
  ++counts_.misses;
  const Context& with = body.context;
  Entry made{
      script,
      make_plan(*script, text, with.catalog.get(), with.rules.get(), *with.ledger, with.database),
      0, false};
  made.cost = bytes_of(*script, made.plan);
  if (made.cost > body.limits.bytes / 4) return (body.last = std::move(made)).plan;
  make_room(made.cost);
  if (body.free.empty()) {
    body.free.push_back(static_cast<std::uint32_t>(body.entries.size()));
    body.entries.emplace_back();
  }
  const std::uint32_t at = body.free.back();
  body.free.pop_back();
  counts_.bytes += made.cost;
  ++counts_.entries;
  body.index.emplace(script.get(), at);
  return (body.entries[at] = std::move(made)).plan;
}

}  // namespace heim::route
