#include "fleet/shelf.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace heim::fleet::test {
namespace {

using namespace std::chrono_literals;

struct World final : ShelfOwner {
  World() { shelf.up(); }
  void get(const std::string& key, std::uint64_t number) override { gets.push_back({key, number}); }
  void set(const std::string& key, std::string bytes, Duration ttl) override {
    sets.push_back({key, std::move(bytes), ttl});
  }
  void tell(const Store::Asker& asker, Store::Found found) override {
    told.push_back({asker.number, std::move(found)});
  }
  void asks(const std::string& key, std::uint64_t number) { shelf.ask(key, {9, number}, now); }
  void passes(Duration time) { now += time, due = shelf.step(now); }

  struct Get {
    std::string key;
    std::uint64_t number;
  };
  struct Set {
    std::string key, bytes;
    Duration ttl;
  };
  struct Told {
    std::uint64_t number;
    Store::Found found;
  };
  std::vector<Get> gets;
  std::vector<Set> sets;
  std::vector<Told> told;
  Instant now{1h};
  Instant due{};
  Shelf shelf{"secret",
              {.patience = 5ms, .pause = 1s, .most_asked = 3, .most_bytes = 1'000, .seal = {}},
              *this};
};

Parcel parcel(const std::string& answer) {
  return {.primary = 1, .stamp = {}, .cost_us = 2, .answer = answer};
}

}  // namespace

TEST_CASE("shelf: what was put can be asked for") {
  World world;
  world.shelf.put("a", parcel("rows"), 1min, world.now);
  REQUIRE(world.sets.size() == 1);
  CHECK(world.sets[0].ttl == 1min);
  world.asks("a", 1);
  world.asks("b", 2);
  REQUIRE(world.gets.size() == 2);
  CHECK(world.gets[0].key == "a");
  world.shelf.got(world.gets[0].number, &world.sets[0].bytes, 30s, world.now);
  world.shelf.got(world.gets[1].number, nullptr, 0s, world.now);
  REQUIRE(world.told.size() == 2);
  CHECK(world.told[0].found.parcel->answer == "rows");
  CHECK(world.told[0].found.left == 30s);
  CHECK(!world.told[1].found.parcel);
  CHECK(world.shelf.counts().found == 1);
  CHECK(world.shelf.counts().absent == 1);
}

TEST_CASE("shelf: what lies under another key, or has no end, is nothing") {
  World world;
  world.shelf.put("a", parcel("rows"), 1min, world.now);
  world.asks("b", 1);
  world.asks("a", 2);
  world.shelf.got(world.gets[0].number, &world.sets[0].bytes, 30s, world.now);
  world.shelf.got(world.gets[1].number, &world.sets[0].bytes, -1ms, world.now);
  CHECK(!world.told.at(0).found.parcel);
  CHECK(!world.told.at(1).found.parcel);
  CHECK(world.shelf.counts().spoilt == 2);
}

TEST_CASE("shelf: who is late is not waited for, nor asked for a while") {
  World world;
  world.asks("a", 1);
  world.passes(2ms);
  CHECK(world.due == Instant(1h) + 5ms);
  world.asks("b", 2);
  world.passes(3ms);
  REQUIRE(world.told.size() == 1);
  CHECK(world.told[0].number == 1);
  CHECK(!world.shelf.may_hold("c"));
  CHECK(world.shelf.trouble() == "it was late");
  world.asks("c", 3);  // was on its way
  CHECK(world.told.at(1).number == 3);
  // Answers that come after all: of what was given up, nobody is told.
  world.shelf.got(world.gets[0].number, nullptr, 0s, world.now);
  CHECK(world.told.size() == 2);
  world.shelf.got(world.gets[1].number, nullptr, 0s, world.now);
  CHECK(world.told.at(2).number == 2);
  world.passes(999ms);
  CHECK(!world.shelf.may_hold("c"));
  world.passes(1ms);
  CHECK(world.shelf.may_hold("c"));
  CHECK(world.shelf.trouble().empty());
  CHECK(world.due == never);
}

TEST_CASE("shelf: a store that refuses is left alone for a while") {
  World world;
  world.shelf.refused("OOM command not allowed", world.now);
  CHECK(!world.shelf.may_hold("a"));
  CHECK(world.shelf.trouble() == "it says OOM command not allowed");
  world.shelf.put("a", parcel("rows"), 1min, world.now);
  CHECK(world.sets.empty());
  CHECK(world.shelf.counts().not_put == 1);
  world.passes(1s);
  CHECK(world.shelf.may_hold("a"));
}

TEST_CASE("shelf: whoever asked when the connection was lost is told so") {
  World world;
  world.asks("a", 1);
  world.asks("b", 2);
  world.shelf.contents.add("a");
  world.shelf.contents.complete();
  world.shelf.down("gone");
  CHECK(world.told.size() == 2);
  CHECK(!world.shelf.may_hold("a"));
  CHECK(world.shelf.trouble() == "gone");
  world.passes(1min);
  CHECK(!world.shelf.may_hold("a"));
  world.shelf.up();
  CHECK(world.shelf.may_hold("z"));  // what is there has to be told anew
}

TEST_CASE("shelf: so many at once, and no more") {
  World world;
  for (std::uint64_t i = 1; i <= 5; ++i) world.asks("a", i);
  CHECK(world.gets.size() == 3);
  CHECK(world.told.size() == 2);
  CHECK(world.shelf.counts().not_asked == 2);
  for (int i = 0; i < 5; ++i) world.shelf.put("a", parcel(std::string(400, 'x')), 1min, world.now);
  CHECK(world.sets.size() == 3);
  for (const World::Set& each : world.sets) world.shelf.kept(each.bytes.size());
  world.shelf.put("a", parcel("more"), 1min, world.now);
  CHECK(world.sets.size() == 4);
}

}  // namespace heim::fleet::test
