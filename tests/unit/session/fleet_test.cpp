// Sessions of a proxy that is in a fleet, beside another one: what waits until that one has heard.
#include "fleet/fleet.hpp"

#include <doctest/doctest.h>

#include "auto_script.hpp"
#include "bench.hpp"

namespace heim::session::test {
namespace {

constexpr std::string_view write = "update t set a = 2";
constexpr std::string_view ddl = "create view v as select a from t";

Instant moment{std::chrono::hours(1)};  // of both

struct Channel;

struct Member final : fleet::FleetOwner {
  Member(Channel& the_channel, const std::string& name, std::uint64_t process,
         freshness::Ledger& ledger, Catalogs& the_catalogs, fleet::Trust& trust,
         fleet::Cover& cover, fleet::Cover::Wake wake, bool strict)
      : channel(the_channel),
        catalogs(the_catalogs),
        fleet({.name = name,
               .process = process,
               .strict = strict,
               .stamps = true,
               .clock = [] { return moment; }},
              ledger, trust, cover, std::move(wake), *this) {
    ledger.tell(&fleet);
  }
  void publish(std::string message) override;
  void forget() override { catalogs.all_changed(); }
  void forget_query(const Hash128&) override {}
  void change_begins(const std::string& database) override { catalogs.change_begins(database); }
  void change_ends(const std::string& database) override { catalogs.change_ends(database); }
  void unlist(const std::string&, std::uint64_t) override {}
  void lost(const std::string& why) override { FAIL(why); }
  void wake() override {}

  Channel& channel;
  Catalogs& catalogs;
  fleet::Fleet fleet;
};

struct Channel {
  /// What anybody has to say is said, and heard by all.
  void passes() {
    for (int turn = 0; turn < 4; ++turn) {
      moment += std::chrono::milliseconds(10);
      for (Member* member : members) member->fleet.step(moment);
      const auto now = std::exchange(said, {});
      for (const std::string& message : now) {
        for (Member* member : members) member->fleet.hear(message, moment);
      }
    }
  }
  std::vector<Member*> members;
  std::vector<std::string> said;
};

void Member::publish(std::string message) { channel.said.push_back(std::move(message)); }

// The bench's proxy is "one".
struct Two {
  explicit Two(Bench& the_bench, bool is_strict = true)
      : bench(prepared(the_bench)), strict(is_strict) {
    bench.shared().fleet = &one.fleet;
    channel.members = {&one, &two};
    one.fleet.join({1, {{"one", 1}, {"two", 2}}, true, {}}, moment);
    two.fleet.join({2, {{"one", 1}, {"two", 2}}, true, {}}, moment);
    channel.passes();
    REQUIRE(bench.shared().trust.holds());
  }
  static Bench& prepared(Bench& bench) {
    bench.settings.proxy.pool_mode = config::PoolMode::automatic;
    bench.settings.cache.enabled = true;
    return bench;
  }
  /// Now that they are in step.
  End& login() {
    sql::Catalog catalog;
    catalog.add("T", "t", "rp");
    catalog.add("f", "total", "false");
    catalog.add("P", "total", "s");
    catalog.add("B", "total", "t");
    bench.knows_catalog(catalog);
    return bench.login();
  }
  freshness::TableId everything() { return ledger.everything(ledger.database("db")); }

  Bench& bench;
  bool strict;
  Channel channel;
  freshness::Ledger ledger;  // of "two"
  Catalogs catalogs;
  fleet::Trust trust;
  fleet::Cover cover;
  Member one{channel,
             "one",
             1000,
             bench.shared().ledger,
             bench.shared().catalogs,
             bench.shared().trust,
             bench.shared().cover,
             [this](std::uint64_t token) { bench.shared().wake_withheld(token); },
             strict};
  Member two{channel, "two", 2000, ledger, catalogs, trust, cover, [](std::uint64_t) {}, strict};
};

/// What the members share, by hand.
struct Shelves final : fleet::Store {
  explicit Shelves(Bench& the_bench) : bench(the_bench) {
    bench.shared().store = this;
    bench.shared().nodes.identity = 7;
  }
  bool may_hold(std::string_view) const override { return holds; }
  void ask(std::string key, const Asker& asker) override { asked.push_back({key, asker}); }
  void put(std::string key, fleet::Parcel parcel, Duration) override {
    kept.emplace_back(std::move(key), std::move(parcel));
  }
  std::vector<std::pair<std::string, std::string>> rows() const override { return {}; }

  /// To the question that is open.
  void answers(std::optional<fleet::Parcel> parcel) {
    REQUIRE(asked.size() == 1);
    bench.shared().tell_found(asked[0].second, {std::move(parcel), std::chrono::minutes(1)});
    asked.clear();
    bench.settle();
  }

  Bench& bench;
  bool holds = true;
  std::vector<std::pair<std::string, Asker>> asked;
  std::vector<std::pair<std::string, fleet::Parcel>> kept;
};

constexpr std::string_view read = "select a from t";

// As the cache keeps it: without the end.
std::string kept_of(const std::string& reply) { return reply.substr(0, reply.size() - 6); }

/// The two members with a store, and a client of the first.
struct Stored {
  explicit Stored(Bench& the_bench)
      : bench(the_bench), two(bench, false), shelves(bench), client(two.login()) {
    two.channel.passes();
  }
  ~Stored() {
    bench.last().loose = true;
    bench.finish();
  }
  /// As the other member would have kept it.
  fleet::Parcel parcel(const std::string& reply) {
    const auto stamp = two.two.fleet.stamp();
    REQUIRE(stamp);
    return {.primary = 7, .stamp = *stamp, .cost_us = 3'000, .answer = kept_of(reply)};
  }
  void other_writes() {
    freshness::WriteSet tables;
    tables.add(two.ledger.intern(two.ledger.database("db"), "t"));
    freshness::CommitTicket commit = two.ledger.begin_commit(two.ledger.database("db"), tables);
    two.ledger.end_commit(commit, freshness::Outcome::committed, moment);
    two.channel.passes();
  }
  void asks() {
    client.sends(query(read));
    bench.settle();
  }
  void server_answers(const std::string& reply) {
    Server& server = bench.last();
    server.receives_all(query(read));
    server.sends(reply);
    client.receives_all(reply);
  }

  Bench& bench;
  Two two;
  Shelves shelves;
  End& client;
};

void changes_objects(Bench& bench, bool strict) {
  Two fleet(bench, strict);
  Client& client = fleet.login();
  client.sends(query(ddl));
  bench.last().receives_nothing();
  CHECK(bench.shared().ledger.in_flight(
      bench.shared().ledger.everything(bench.shared().ledger.database("db"))));
  fleet.channel.passes();
  CHECK(fleet.ledger.in_flight(fleet.everything()));
  bench.last().receives(query(ddl));
  bench.last().sends(done("CREATE VIEW"));
  client.receives_all(done("CREATE VIEW"));
  fleet.channel.passes();
  CHECK(!fleet.ledger.in_flight(fleet.everything()));
  bench.last().loose = true;
  bench.finish();
}

}  // namespace

SCRIPT("fleet: strict: the answer to a commit waits until all have heard that it began") {
  Two fleet(bench);
  Client& client = fleet.login();
  client.sends(query(write));
  bench.last().receives(query(write));
  bench.last().sends(done("UPDATE 1"));
  client.receives_nothing();
  fleet.channel.passes();
  client.receives_all(done("UPDATE 1"));
  bench.last().loose = true;
  bench.finish();
}

SCRIPT("fleet: strict: a change of objects is not sent before all have heard of it") {
  changes_objects(bench, true);
}

SCRIPT("fleet: push: neither") { changes_objects(bench, false); }

SCRIPT("fleet: push: the answer to a commit waits for nobody") {
  Two fleet(bench, false);
  Client& client = fleet.login();
  client.sends(query(write));
  bench.last().receives(query(write));
  bench.last().sends(done("UPDATE 1"));
  client.receives_all(done("UPDATE 1"));
  bench.last().loose = true;
  bench.finish();
}

SCRIPT(
    "fleet: strict: what was sent when objects changed elsewhere counts as a write of anything") {
  Two fleet(bench);
  Client& client = fleet.login();
  client.sends(query(write));
  bench.last().receives(query(write));
  fleet.channel.passes();  // "t" is known to be written
  freshness::WriteSet all;
  all.add(fleet.everything());
  all.add_objects();
  freshness::CommitTicket change = fleet.ledger.begin_commit(fleet.ledger.database("db"), all);
  fleet.channel.passes();
  CHECK(!bench.shared().catalogs.find("db"));
  const std::uint64_t before = fleet.ledger.version(fleet.everything());
  bench.last().sends(done("UPDATE 1"));
  client.receives_nothing();
  fleet.channel.passes();
  CHECK(fleet.ledger.version(fleet.everything()) > before);
  client.receives_all(done("UPDATE 1"));
  fleet.ledger.end_commit(change, freshness::Outcome::committed, moment);
  fleet.channel.passes();
  bench.last().loose = true;
  bench.finish();
}

SCRIPT("fleet: a session is asked for its state where functions may have changed elsewhere") {
  constexpr std::string_view calls = "select total()";
  Two fleet(bench);
  Client& client = fleet.login();
  client.sends(query(calls));
  Server& server = bench.last();
  server.receives_all(query(calls));
  server.sends(done("SELECT 1"));
  client.receives_all(done("SELECT 1"));
  server.receives_nothing();
  const auto runs = [&] {  // it may write, as far as is known
    client.sends(query(calls));
    server.receives(query(calls));
    server.sends(done("SELECT 1"));
    client.receives_nothing();
    fleet.channel.passes();
    client.receives_all(done("SELECT 1"));
    server.receives_all(ask_all());
    server.sends(state({}));
  };
  freshness::WriteSet all;
  all.add(fleet.everything());
  all.add_objects();
  freshness::CommitTicket change = fleet.ledger.begin_commit(fleet.ledger.database("db"), all);
  fleet.channel.passes();
  runs();
  fleet.ledger.end_commit(change, freshness::Outcome::committed, moment);
  fleet.channel.passes();
  runs();
  server.loose = true;
  bench.finish();
}

SCRIPT("store: what another one has kept is told, and no server is asked") {
  Stored stored(bench);
  stored.client.sends(query(read));
  stored.client.receives_nothing();
  stored.shelves.answers(stored.parcel(answer("1")));
  stored.client.receives_all(answer("1"));
  bench.last().receives_nothing();
  stored.client.sends(query(read));  // from here on it is in its own cache
  stored.client.receives_all(answer("1"));
  CHECK(stored.shelves.asked.empty());
  CHECK(stored.shelves.kept.empty());
}

SCRIPT("store: what is not there is asked of a server, and kept there") {
  Stored stored(bench);
  stored.asks();
  stored.shelves.answers(std::nullopt);
  stored.server_answers(answer("2"));
  REQUIRE(stored.shelves.kept.size() == 1);
  const fleet::Parcel& kept = stored.shelves.kept[0].second;
  CHECK(kept.answer == kept_of(answer("2")));
  CHECK(kept.primary == 7);
  CHECK(stored.two.two.fleet.covers(kept.stamp, {}));
}

SCRIPT("store: what lacks a commit of another member is not told") {
  Stored stored(bench);
  const fleet::Parcel before = stored.parcel(answer("1"));
  stored.other_writes();
  stored.asks();
  stored.shelves.answers(before);
  stored.server_answers(answer("2"));
  CHECK(stored.shelves.kept.size() == 1);
}

SCRIPT("store: what lacks a commit that comes while it is asked for is not told") {
  Stored stored(bench);
  stored.asks();
  const fleet::Parcel before = stored.parcel(answer("1"));
  stored.other_writes();
  stored.shelves.answers(before);
  stored.server_answers(answer("2"));
  CHECK(stored.shelves.kept.empty());  // its fence is older than that commit
}

SCRIPT("store: what was read from another primary is not told, nor kept as this one's") {
  Stored stored(bench);
  stored.asks();
  fleet::Parcel parcel = stored.parcel(answer("1"));
  parcel.primary = 6;
  stored.shelves.answers(parcel);
  bench.shared().nodes.identity = 8;
  stored.server_answers(answer("2"));
  CHECK(stored.shelves.kept.empty());
}

SCRIPT("store: where it is not known who the primary is, or what is wanted is younger") {
  Stored stored(bench);
  bench.shared().nodes.identity = 0;
  stored.asks();
  CHECK(stored.shelves.asked.empty());
  stored.server_answers(answer("1"));
  CHECK(stored.shelves.kept.empty());
  bench.shared().nodes.identity = 7;
  constexpr std::string_view young = "/*+ cache=1s */ select b from t";
  stored.client.sends(query(young));
  bench.settle();
  CHECK(stored.shelves.asked.empty());
  bench.last().receives_all(query(young));
  bench.last().sends(answer("1"));
  stored.client.receives_all(answer("1"));
}

SCRIPT("store: what it certainly does not have is asked of a server at once") {
  Stored stored(bench);
  stored.shelves.holds = false;
  stored.client.sends(query(read));
  stored.server_answers(answer("1"));
  CHECK(stored.shelves.asked.empty());
  CHECK(stored.shelves.kept.size() == 1);
}

SCRIPT("store: who goes while it is asked leaves the question to the next in line") {
  Stored stored(bench);
  End& other = bench.login();
  stored.asks();
  other.sends(query(read));
  bench.settle();
  CHECK(stored.shelves.asked.size() == 1);
  stored.client.leaves();
  bench.settle();
  CHECK(stored.shelves.asked.size() == 2);
  stored.shelves.asked.erase(stored.shelves.asked.begin());
  stored.shelves.answers(stored.parcel(answer("1")));
  other.receives_all(answer("1"));
}

}  // namespace heim::session::test
