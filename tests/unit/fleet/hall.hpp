// Two or three proxies and a channel that does at once what it is told.
#pragma once
#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "fleet/fleet.hpp"

namespace heim::fleet::test {

struct Hall;

inline Instant now{std::chrono::hours(1)};  // of all

struct Proxy final : FleetOwner {
  Proxy(Hall& the_hall, const std::string& name, std::uint64_t process,
        Duration forget_after = Duration(0), bool strict = false)
      : hall(the_hall),
        fleet(
            {.name = name,
             .process = process,
             .forget_after = forget_after,
             .strict = strict,
             .stamps = true,
             .clock = [] { return now; }},
            ledger, trust, cover, [this](std::uint64_t token) { woken.push_back(token); }, *this),
        table(ledger.find("shop", "items")) {
    ledger.tell(&fleet);
  }
  void publish(std::string message) override;
  void forget() override { ++forgotten; }
  void forget_query(const Hash128& query) override { void_queries.push_back(query); }
  void change_begins(const std::string& database) override { ++changing[database], ++changes; }
  void change_ends(const std::string& database) override { --changing[database]; }
  void unlist(const std::string& name, std::uint64_t run) override;
  void lost(const std::string& why) override { losses.push_back(why); }
  void wake() override { ++wakes; }

  bool trusts() const;
  freshness::CommitTicket begin() {
    freshness::WriteSet set;
    set.add(table);
    return ledger.begin_commit(ledger.database("shop"), set);
  }
  freshness::TableId everything() { return ledger.everything(ledger.database("shop")); }
  freshness::CommitTicket begin_change() {
    freshness::WriteSet set;
    set.add(everything());
    set.add_objects();
    return ledger.begin_commit(ledger.database("shop"), set);
  }

  Hall& hall;
  freshness::Ledger ledger;
  Trust trust;
  Cover cover;
  Fleet fleet;
  freshness::TableId table;
  bool hears = true, speaks = true;
  int forgotten = 0, wakes = 0, changes = 0;
  std::map<std::string, int> changing;
  std::vector<std::string> losses;
  std::vector<Hash128> void_queries;
  std::vector<std::uint64_t> woken;
};

/// All who are in it hear what any of them says.
struct Hall {
  void enter(Proxy& proxy, bool complete = true, Duration wait = Duration(0)) {
    list[proxy.fleet.options().name] = ++runs;
    if (std::ranges::find(inside, &proxy) == inside.end()) inside.push_back(&proxy);
    proxy.fleet.join({runs, {list.begin(), list.end()}, complete, wait}, now);
    settle();
  }
  void cut(Proxy& proxy) {
    std::erase(inside, &proxy);
    proxy.fleet.leave("cut off", now);
  }
  /// What was said is heard, and what is said to that.
  void settle() {
    while (!said.empty()) {
      const auto [from, message] = said.front();
      said.pop_front();
      for (Proxy* proxy : std::vector(inside)) {
        if (proxy->hears) proxy->fleet.hear(message, now);
      }
    }
  }
  void pass(Duration time, int parts = 10) {
    for (int i = 0; i < parts; ++i) {
      now += time / parts;
      for (Proxy* proxy : inside) proxy->fleet.step(now);
      settle();
    }
  }

  std::uint64_t runs = 0;
  std::map<std::string, std::uint64_t> list;
  std::vector<Proxy*> inside;
  std::deque<std::pair<Proxy*, std::string>> said;
};

inline void Proxy::publish(std::string message) {
  if (speaks) hall.said.emplace_back(this, std::move(message));
}
inline void Proxy::unlist(const std::string& name, std::uint64_t run) {
  if (hall.list[name] == run) hall.list.erase(name);
}
inline bool Proxy::trusts() const { return trust.holds(); }

struct Pair {
  Pair() {
    hall.enter(one);
    hall.enter(two);
    hall.pass(std::chrono::milliseconds(50));
    one.forgotten = two.forgotten = 0;
  }
  Hall hall;
  Proxy one{hall, "one", 1000}, two{hall, "two", 2000};
};

}  // namespace heim::fleet::test
