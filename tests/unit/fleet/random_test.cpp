// Proxies with real ledgers and caches, a database and a channel between them that is slow, cut,
// stalled and restarted at random. Whatever happens: an answer that a proxy gives out lacks no
// commit that was acknowledged longer ago than the lease, or than the lag that the proxy tells.
// Beside them is a store that they share: it gives back what it was given at any time, or nothing.
// Objects change, too: of what a write of the first table fires, and of what a view reads, proxies
// know by their catalogs alone.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>

#include "cache/cache.hpp"
#include "fleet/fleet.hpp"
#include "session/catalogs.hpp"

using namespace heim;
using namespace heim::fleet;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t proxies = 4, tables = 3;
constexpr std::size_t objects = tables, view = tables;  // beside the tables: what changed, is read
const std::string shop = "shop";
constexpr Duration lease = 100ms;

struct World;

Instant now;  // of all

/// One process, and the thread that speaks for it.
struct Proxy final : FleetOwner {
  Proxy(World& the_world, std::size_t the_index);

  void publish(std::string message) override { to_redis.push_back(std::move(message)); }
  void forget() override {
    catalogs.all_changed();
    cache.invalidate_all();
  }
  void forget_query(const Hash128& query) override { cache.invalidate_fingerprint(query); }
  void change_begins(const std::string& database) override { catalogs.change_begins(database); }
  void change_ends(const std::string& database) override { catalogs.change_ends(database); }
  void unlist(const std::string& name, std::uint64_t run) override;
  void lost(const std::string&) override { cut = true; }
  void wake() override {}
  freshness::CommitTicket commit(freshness::WriteSet set) {
    return ledger.begin_commit(ledger.database(shop), set);
  }
  freshness::TableId everything() { return ledger.everything(ledger.database(shop)); }

  World& world;
  std::size_t index;
  freshness::Ledger ledger;
  cache::Cache cache{ledger, {.bytes = 1 << 20, .automatic = false}};
  session::Catalogs catalogs;
  Trust trust;
  Cover cover;
  Fleet fleet;
  std::array<freshness::TableId, tables> ids;
  bool up = false, cut = false, stalled = false, covered = false;
  std::deque<std::string> to_redis, from_redis;
};

struct World {
  World(std::uint64_t seed, bool the_strict, bool the_changes)
      : random(seed), strict(the_strict), changes(the_changes) {
    now = Instant(1h);
    for (std::size_t i = 0; i < proxies; ++i) start(i);
  }

  bool chance(int in) { return std::uniform_int_distribution<>(1, in)(random) == 1; }
  std::size_t below(std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(random);
  }
  void start(std::size_t i) { fleet[i] = std::make_unique<Proxy>(*this, i); }

  void step();
  void move_messages(Proxy& proxy);
  void change_links(Proxy& proxy);
  void join(Proxy& proxy);
  void write(Proxy& proxy);
  void change(Proxy& proxy);
  void look_at_catalog(Proxy& proxy);
  void read(Proxy& proxy);
  void go_on();
  struct Write;
  bool goes_on(Write& write);
  void show(Write& write);
  bool waits(Proxy& proxy, Write& write);
  void end(Proxy& proxy, Write& write);
  struct Fill;
  bool answer(Fill& fill);
  bool take(Fill& fill);
  void give(const Proxy& proxy, Bytes bytes);
  bool check(const Proxy& proxy, std::size_t table, std::uint64_t seen);
  /// As of so many changes.
  static std::size_t fired(std::uint64_t changes) { return 1 + changes % 2; }
  std::optional<std::uint64_t> known(Proxy& proxy) const;
  bool is_dead(std::size_t proxy, std::uint64_t process) const {
    return fleet[proxy]->fleet.options().process != process;
  }

  struct Seen {
    std::size_t table;    // or objects
    std::uint64_t value;  // which write
  };
  struct Write {
    std::size_t proxy, table;
    std::uint64_t process;
    freshness::CommitTicket ticket;
    std::uint64_t version;              // of the catalogs
    freshness::CommitTicket rest = {};  // of everything, where that is another one in the end
    bool sent = true;
    std::vector<Seen> made = {};  // empty: not visible yet
  };
  struct Fill {
    std::size_t proxy, table;
    std::uint64_t process;
    cache::Fill fill;
    std::size_t used;  // which table it reads
    bool asks_store;
    std::vector<Seen> seen = {};
  };
  struct Kept {
    Stamp stamp;
    std::vector<Seen> seen;
  };
  struct Load {
    std::size_t proxy;
    std::uint64_t process;
    sql::CatalogRef catalog = nullptr;
  };

  std::mt19937_64 random;
  const bool strict;
  const bool changes;  // of objects; else all know how they are
  std::uint64_t processes = 0, runs = 0, life = 1;
  std::map<std::string, std::uint64_t> list;
  Instant young_until{};
  std::array<std::unique_ptr<Proxy>, proxies> fleet;
  std::array<std::uint64_t, proxies> lives{};  // of the list that each has seen
  std::array<std::uint64_t, tables + 1> values{};
  std::array<std::vector<Instant>, tables + 1> acknowledged{};  // by value; Instant{}: it was not
  std::vector<sql::CatalogRef> catalogs = {std::make_shared<sql::Catalog>()};  // by changes
  std::vector<Write> writes;
  std::vector<Fill> fills;
  std::vector<Load> loads;
  std::map<std::pair<std::size_t, std::size_t>, std::vector<Kept>> store;  // all that was ever kept
  std::uint64_t taken = 0, not_taken = 0;                                  // of that
  std::uint64_t hits = 0, stale = 0, refused = 0, committed = 0, changed = 0;
};

Proxy::Proxy(World& the_world, std::size_t the_index)
    : world(the_world),
      index(the_index),
      fleet(
          {.name = "proxy" + std::to_string(the_index),
           .process = (++the_world.processes) << 32,
           .lease = lease,
           .interval = 4ms,
           .strict = the_world.strict,
           .stamps = true,
           .clock = [] { return now; }},
          ledger, trust, cover, [](std::uint64_t) {}, *this) {
  ledger.tell(&fleet);
  for (std::size_t i = 0; i < tables; ++i) {
    ids[i] = ledger.find(shop, "t" + std::to_string(i));
  }
}

void Proxy::unlist(const std::string& name, std::uint64_t run) {
  const auto at = world.list.find(name);
  if (at != world.list.end() && at->second == run) world.list.erase(at);
}

void World::join(Proxy& proxy) {
  proxy.to_redis.clear();
  proxy.from_redis.clear();
  proxy.up = true;
  proxy.cut = false;
  list["proxy" + std::to_string(proxy.index)] = ++runs;
  const bool complete = std::exchange(lives[proxy.index], life) == life;
  const Duration wait = std::max(young_until - now, Duration(0));
  proxy.fleet.join({runs, {list.begin(), list.end()}, complete, wait}, now);
}

void World::change_links(Proxy& proxy) {
  if (chance(changes ? 100 : 300)) proxy.stalled = true;
  if (proxy.stalled && chance(40)) proxy.stalled = false;
  if (proxy.up && (proxy.cut || chance(changes ? 6'000 : 600))) {
    proxy.up = false;
    proxy.to_redis.clear();
    proxy.from_redis.clear();
    proxy.fleet.leave("cut off", now);
  } else if (!proxy.up && chance(20)) {
    join(proxy);
  }
}

// Some of what is under way arrives.
void World::move_messages(Proxy& proxy) {
  if (!proxy.up || proxy.stalled) return;
  for (std::size_t count = below(4); count > 0 && !proxy.to_redis.empty(); --count) {
    for (const auto& each : fleet) {
      if (each->up) each->from_redis.push_back(proxy.to_redis.front());
    }
    proxy.to_redis.pop_front();
  }
  for (std::size_t count = below(8); count > 0 && !proxy.from_redis.empty(); --count) {
    proxy.fleet.hear(proxy.from_redis.front(), now);
    proxy.from_redis.pop_front();
  }
}

// What the proxy believes. Nothing: its catalog is not there.
std::optional<std::uint64_t> World::known(Proxy& proxy) const {
  if (!changes) return 0;
  const sql::CatalogRef catalog = proxy.catalogs.find(shop);
  const auto at = std::ranges::find(catalogs, catalog);
  if (!catalog || at == catalogs.end()) return std::nullopt;
  return at - catalogs.begin();
}

void World::write(Proxy& proxy) {
  freshness::WriteSet set;
  const std::size_t table = changes && chance(2) ? 0 : below(tables);
  const std::uint64_t version = proxy.catalogs.version();
  const auto state = known(proxy);
  set.add(proxy.ids[table]);
  if (!state || chance(10)) set.add(proxy.everything());
  if (state && table == 0) set.add(proxy.ids[fired(*state)]);
  writes.push_back({proxy.index, table, proxy.fleet.options().process, proxy.commit(set), version});
}

// It is not sent before all have heard of it.
void World::change(Proxy& proxy) {
  freshness::WriteSet set;
  set.add(proxy.everything());
  set.add_objects();
  writes.push_back({.proxy = proxy.index,
                    .table = objects,
                    .process = proxy.fleet.options().process,
                    .ticket = proxy.commit(set),
                    .version = proxy.catalogs.version(),
                    .sent = false});
}

void World::look_at_catalog(Proxy& proxy) {
  if (proxy.catalogs.begin_load(shop, now)) {
    loads.push_back({proxy.index, proxy.fleet.options().process});
  }
}

void World::show(Write& write) {
  std::vector<std::size_t> written = {write.table};
  if (write.table == 0) written.push_back(fired(values[objects]));
  for (const std::size_t table : written) {
    write.made.push_back({table, ++values[table]});
    acknowledged[table].push_back({});
  }
  if (write.table == objects) catalogs.push_back(std::make_shared<sql::Catalog>());
}

// As Server::withholds().
bool World::waits(Proxy& proxy, Write& write) {
  if (write.table != objects && write.version != proxy.catalogs.version() && !write.rest.active()) {
    freshness::WriteSet all;
    all.add(proxy.everything());
    write.rest = proxy.commit(all);
  }
  return strict && proxy.cover.waits(std::max(write.ticket.told(), write.rest.told()), 0);
}

void World::end(Proxy& proxy, Write& write) {
  if (write.table == objects) proxy.catalogs.changed(shop);
  for (freshness::CommitTicket* each : {&write.ticket, &write.rest}) {
    proxy.ledger.end_commit(*each, freshness::Outcome::committed, now);
  }
  for (const auto& [table, value] : write.made) acknowledged[table][value - 1] = now;
  ++(write.table == objects ? changed : committed);
}

// A commit gets visible, and later it ends; or it is rolled back. True when it is over.
bool World::goes_on(Write& write) {
  Proxy& proxy = *fleet[write.proxy];
  const bool dead = is_dead(write.proxy, write.process);
  if (!write.sent) {
    write.sent = !dead && !proxy.cover.waits(write.ticket.told(), 0);
    if (!write.sent) return dead;
  }
  if (write.made.empty()) {
    if (!chance(6)) return false;
    if (chance(8)) {
      if (!dead) proxy.ledger.end_commit(write.ticket, freshness::Outcome::rolled_back, now);
      return true;
    }
    show(write);
    return dead;
  }
  if (!dead && (!chance(6) || waits(proxy, write))) return false;
  if (!dead) end(proxy, write);
  return true;
}

Bytes bytes_of(const std::vector<World::Seen>& seen) {
  return {reinterpret_cast<const std::uint8_t*>(seen.data()), seen.size() * sizeof(World::Seen)};
}

// The store is asked first, then the database; what that says is kept. True: it is over.
bool World::answer(Fill& fill) {
  if (fill.asks_store) {
    if (!chance(3)) return false;
    fill.asks_store = false;
    return take(fill);
  }
  if (fill.seen.empty() && chance(3)) {
    const std::size_t table = fill.table == view ? fired(values[objects]) : fill.table;
    fill.seen = {{table, values[table]}};
    if (fill.table == view) fill.seen.push_back({objects, values[objects]});
  }
  if (fill.seen.empty() || !chance(4)) return false;
  const Bytes bytes = bytes_of(fill.seen);
  const std::optional<Stamp> stamp = fleet[fill.proxy]->fleet.stamp();
  const cache::Admission how = fill.fill.admit({.pieces = {&bytes, 1}}, now);
  if (stamp && how == cache::Admission::stored) {
    store[{fill.table, fill.used}].push_back({*stamp, fill.seen});
  }
  return true;
}

// Mostly what was kept last, now and then anything.
bool World::take(Fill& fill) {
  const std::vector<Kept>& had = store[{fill.table, fill.used}];
  if (had.empty()) return false;
  const Kept& kept = chance(4) ? had[below(had.size())] : had.back();
  Proxy& proxy = *fleet[fill.proxy];
  const freshness::TableId used[] = {proxy.ids[fill.used], proxy.everything()};
  const bool good = proxy.fleet.covers(kept.stamp, used);
  ++(good ? taken : not_taken);
  if (!good) return false;
  const Bytes bytes = bytes_of(kept.seen);
  if (fill.fill.admit({.pieces = {&bytes, 1}}, now) != cache::Admission::stored) return true;
  give(proxy, bytes);
  return true;
}

// A catalog is read.
void World::go_on() {
  std::erase_if(writes, [&](Write& each) { return goes_on(each); });
  std::erase_if(fills, [&](Fill& each) { return answer(each); });
  std::erase_if(loads, [&](Load& each) {
    if (is_dead(each.proxy, each.process)) return true;
    if (!each.catalog && chance(3)) each.catalog = catalogs.back();
    if (!each.catalog || !chance(4)) return false;
    fleet[each.proxy]->catalogs.loaded(shop, now, each.catalog);
    return true;
  });
}

void World::read(Proxy& proxy) {
  const std::size_t table = below(tables + 1);
  const auto state = known(proxy);
  if (!state || !proxy.trust.holds()) {
    ++refused;
    return;
  }
  cache::KeyBuilder key(1);
  key.add_number(table);
  const freshness::TableId used[] = {proxy.ids[table == view ? fired(*state) : table],
                                     proxy.everything()};
  const cache::Lookup lookup{.key = key.key(), .fingerprint = {1, table}, .tables = used};
  if (const cache::EntryRef hit = proxy.cache.get(lookup, now)) {
    return give(proxy, hit->bytes());
  }
  cache::Miss miss = proxy.cache.miss(lookup, nullptr, 0, now);
  if (!miss.fill) return;
  fills.push_back({proxy.index, table, proxy.fleet.options().process, std::move(miss.fill),
                   table == view ? fired(*state) : table, chance(2)});
}

void World::give(const Proxy& proxy, Bytes bytes) {
  ++hits;
  bool lacks = false;
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(Seen)) {
    Seen seen;
    std::memcpy(&seen, bytes.data() + at, sizeof seen);
    lacks |= check(proxy, seen.table, seen.value);
  }
  stale += lacks ? 1 : 0;
}

// Whether it lacks what was acknowledged.
bool World::check(const Proxy& proxy, std::size_t table, std::uint64_t seen) {
  for (std::uint64_t value = seen; value < values[table]; ++value) {
    const Instant when = acknowledged[table][value];
    if (when == Instant{}) continue;
    CAPTURE(table);
    const Status status = proxy.fleet.status(now);
    REQUIRE(now - when <= lease);
    REQUIRE(now - when <= status.lag);
    REQUIRE(!strict);
    return true;
  }
  return false;
}

void World::step() {
  now += std::chrono::microseconds(below(2'000));
  for (std::size_t i = 0; i < proxies; ++i) {
    Proxy& proxy = *fleet[i];
    change_links(proxy);
    if (!proxy.stalled) {
      move_messages(proxy);
      proxy.fleet.step(now);
    }
    // Who has not joined yet writes past the fleet, if nobody waits for one of its name.
    proxy.covered = proxy.covered || proxy.fleet.status(now).joined;
    // Where objects change, few writes: each hides what those before it left behind.
    if (proxy.covered && chance(changes ? 200 : 20)) write(proxy);
    if (changes && proxy.covered && chance(1'000)) change(proxy);
    look_at_catalog(proxy);
    read(proxy);
    if (!chance(2'000)) continue;
    std::erase_if(fills, [&](const Fill& fill) { return fill.proxy == i; });
    start(i);  // killed, and started
    lives[i] = 0;
  }
  if (chance(3'000)) {  // the server forgets it all
    list.clear();
    ++life;
    young_until = now + 400ms;  // by then all have joined again
    for (const auto& each : fleet) each->cut = true;
  }
  go_on();
}

}  // namespace

TEST_CASE(
    "no answer is older than the lease, nor than the lag that is told; strict: than nothing") {
  const char* given = std::getenv("HEIM_SEED");
  const std::uint64_t first = given ? std::strtoull(given, nullptr, 10) : 1;
  const std::uint64_t end = first + (given ? 1 : 30);
  bool strict = false, changes = false;
  SUBCASE("push") {}
  SUBCASE("strict") { strict = true; }
  SUBCASE("push, objects change") { changes = true; }
  SUBCASE("strict, objects change") { strict = changes = true; }
  std::uint64_t hits = 0, stale = 0, refused = 0, commits = 0, changed = 0;
  std::uint64_t taken = 0, not_taken = 0;
  for (std::uint64_t seed = first; seed < end; ++seed) {
    CAPTURE(seed);
    World world(seed, strict, changes);
    for (int i = 0; i < (changes ? 8'000 : 4'000); ++i) world.step();
    hits += world.hits;
    stale += world.stale;
    refused += world.refused;
    commits += world.committed;
    changed += world.changed;
    taken += world.taken;
    not_taken += world.not_taken;
  }
  MESSAGE("strict " << strict << ": commits " << commits << ", changes of objects " << changed
                    << ", hits " << hits << ", behind within the bound " << stale << ", refused "
                    << refused << "; from the store " << taken << ", not that " << not_taken);
  if (given) return;
  CHECK(commits > (changes ? 1'000 : 10'000));
  CHECK((changed > 100) == changes);
  CHECK(hits > 10'000);
  CHECK(taken > 500);
  CHECK(not_taken > 500);
  CHECK((stale > 10) == !strict);
}
