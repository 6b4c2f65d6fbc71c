// A link over a wire that the test holds both ends of.
#include "redis/link.hpp"

#include <doctest/doctest.h>

#include <memory>

using namespace heim;
using namespace heim::redis;
using namespace std::chrono_literals;

namespace {

struct Wire final : Transport {
  struct End final : Stream {
    explicit End(Wire& the_wire) : wire(the_wire) {}
    void write(std::span<const Bytes> segments) override {
      for (const Bytes& each : segments) wire.written += as_text(each);
    }
    std::size_t backlog() const override { return 0; }
    void pause() override {}
    void resume() override {}
    void start_tls_server(Bytes) override {}
    void start_tls_client(const std::string& host, SslMode) override { wire.tls_host = host; }
    void close(Duration) override { wire.handler = nullptr; }
    void set_handler(StreamHandler&) override {}
    void detach() override {}
    std::string peer_name() const override { return {}; }
    std::string local_name() const override { return {}; }
    bool is_unix() const override { return false; }
    bool is_loopback() const override { return true; }
    bool is_tls() const override { return false; }
    Wire& wire;
  };
  Stream* connect(const Target& target, StreamHandler& to) override {
    ++connects;
    host = target.host;
    handler = &to;
    written.clear();
    return &end;
  }
  void adopt(Stream&, StreamHandler&) override {}
  bool can_serve_tls() const override { return false; }
  std::string endpoint_hash() const override { return {}; }

  void say(std::string_view text) { handler->on_bytes(end, as_bytes(text)); }

  End end{*this};
  StreamHandler* handler = nullptr;  // null: closed
  int connects = 0;
  std::string host, tls_host, written;
};

struct Owner final : LinkOwner {
  void on_up() override { ++ups; }
  void on_push(Value&& push) override { pushes.push_back(push.items[0].text); }
  void on_down(const std::string& why) override { downs.push_back(why); }
  int ups = 0;
  std::vector<std::string> pushes, downs;
};

struct World {
  explicit World(Access the_access = {}) : access(std::move(the_access)) {
    if (access.servers.empty()) access.servers = {{"a", 1}, {"b", 2}};
    access.name = "me";
    link = std::make_unique<Link>(wire, access, owner);
    link->step(now);
  }
  void greet() {
    wire.handler->on_connected(wire.end);
    wire.say("%1\r\n+role\r\n+master\r\n+PONG\r\n");
  }
  void pass(Duration time) { link->step(now += time); }

  Access access;
  Wire wire;
  Owner owner;
  Instant now{10s};
  std::unique_ptr<Link> link;
};

}  // namespace

TEST_CASE("it logs in, and says who it is") {
  SUBCASE("without a password") {
    World world;
    world.wire.handler->on_connected(world.wire.end);
    CHECK(world.wire.written ==
          "*4\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$7\r\nSETNAME\r\n$2\r\nme\r\n*1\r\n$4\r\nPING\r\n");
  }
  SUBCASE("with all there is") {
    Access access;
    access.user = "u";
    access.password = Secret("p");
    access.database = 2;
    access.tls = SslMode::require;
    World world(access);
    world.wire.handler->on_connected(world.wire.end);
    CHECK(world.wire.tls_host == "a");
    CHECK(world.wire.written.empty());
    world.wire.handler->on_tls(world.wire.end, {});
    CHECK(world.wire.written.find("$4\r\nAUTH\r\n$1\r\nu\r\n$1\r\np\r\n") != std::string::npos);
    CHECK(world.wire.written.find("$6\r\nSELECT\r\n$1\r\n2\r\n") != std::string::npos);
  }
}

TEST_CASE("Sentinels say where the server is") {
  Access access;
  access.master = "shop";
  access.password = Secret("p");
  const auto where = [](World& world, std::string_view answer) {
    world.wire.handler->on_connected(world.wire.end);
    world.wire.say(answer);
    world.pass(0ms);
  };
  const std::string there = "*2\r\n$3\r\nten\r\n$4\r\n7000\r\n";
  SUBCASE("each time anew, another one") {
    World world(access);
    CHECK(world.wire.host == "a");
    world.wire.handler->on_connected(world.wire.end);
    CHECK(world.wire.written ==
          "*3\r\n$8\r\nSENTINEL\r\n$23\r\nGET-MASTER-ADDR-BY-NAME\r\n$4\r\nshop\r\n");
    world.wire.say(there);
    CHECK(world.wire.handler == nullptr);
    world.pass(0ms);
    CHECK(world.wire.host == "ten");
    CHECK(world.link->place() == "ten:7000");
    world.greet();
    CHECK(world.link->is_up());
    CHECK(world.owner.downs.empty());
    world.wire.handler->on_end(world.wire.end, {});
    CHECK(world.owner.downs.size() == 1);
    world.pass(1s);
    CHECK(world.wire.host == "b");
  }
  SUBCASE("one that is a replica by now") {
    World world(access);
    where(world, there);
    world.wire.handler->on_connected(world.wire.end);
    world.wire.say("%1\r\n+role\r\n+replica\r\n");
    CHECK(world.owner.downs == std::vector<std::string>{"ten:7000: the server is a replica"});
    world.pass(1s);
    CHECK(world.wire.host == "b");
  }
  SUBCASE("with a name and a password of their own") {
    access.sentinel_password = Secret("sp");
    World world(access);
    world.wire.handler->on_connected(world.wire.end);
    CHECK(world.wire.written.starts_with("*2\r\n$4\r\nAUTH\r\n$2\r\nsp\r\n*3\r\n$8\r\nSENT"));
    access.sentinel_user = "su";
    World other(access);
    other.wire.handler->on_connected(other.wire.end);
    CHECK(other.wire.written.starts_with("*3\r\n$4\r\nAUTH\r\n$2\r\nsu\r\n$2\r\nsp\r\n"));
    other.wire.say("-WRONGPASS no\r\n" + there);
    CHECK(other.owner.downs == std::vector<std::string>{"a:1: Sentinel: WRONGPASS no"});
  }
}

TEST_CASE("Sentinels that will not do") {
  Access access;
  access.master = "shop";
  struct Case {
    const char *answer, *why;
  };
  for (const Case& c : {
           Case{"*-1\r\n", "a:1: Sentinel knows no server called shop"},
           Case{"$-1\r\n", "a:1: Sentinel knows no server called shop"},
           Case{"*2\r\n$1\r\nx\r\n$1\r\n0\r\n", "a:1: Sentinel knows no server called shop"},
           Case{"-NOAUTH who are you\r\n", "a:1: Sentinel: NOAUTH who are you"},
       }) {
    CAPTURE(c.answer);
    World world(access);
    world.wire.handler->on_connected(world.wire.end);
    world.wire.say(c.answer);
    world.pass(0ms);
    CHECK(world.owner.downs == std::vector<std::string>{c.why});
    world.pass(1s);
    CHECK(world.wire.host == "b");
  }
}

TEST_CASE("a node of a cluster says which one has the keys") {
  struct Case {
    std::string_view said, host, place;
  };
  constexpr Case cases[] = {
      {"-MOVED 3999 ten:7000\r\n", "ten", "ten:7000"},
      {"-MOVED 3999 ::1:7000\r\n", "::1", "[::1]:7000"},
      {"-MOVED 3999 :7000\r\n", "a", "a:7000"},
      {"-MOVED 3999 nonsense\r\n", "b", "b:2"},  // as if it had been lost
  };
  for (const Case& each : cases) {
    CAPTURE(each.said);
    World world;
    world.greet();
    std::string told;
    world.link->send({"GET", "a"}, [&](Value&& answer) { told = answer.text.substr(0, 4); });
    world.wire.say(each.said);
    CHECK(told == "LOST");
    world.pass(20ms);
    CHECK(world.wire.host == each.host);
    CHECK(world.link->place() == each.place);
    world.greet();
    CHECK(world.link->is_up());
  }
}

TEST_CASE("answers go to who asked, in order; pushes between them to the owner") {
  World world;
  world.greet();
  CHECK(world.owner.ups == 1);
  CHECK(world.link->is_up());
  std::string seen;
  for (const char* key : {"a", "b"}) {
    world.link->send({"GET", key}, [&seen, key](Value&& answer) { seen += key + answer.text; });
  }
  world.link->send({"DEL", "a"});
  world.wire.written.clear();
  world.link->flush();
  CHECK(world.wire.written.size() == 3 * 20);
  world.wire.say("+1\r\n>1\r\n+p\r\n+2\r\n:1\r\n");
  CHECK(seen == "a1b2");
  CHECK(world.owner.pushes == std::vector<std::string>{"p"});
}

TEST_CASE("what was owed is told that it is lost, and the next server is tried after a pause") {
  World world;
  world.greet();
  std::string told;
  const auto note = [&](Value&& answer) { told += answer.text.substr(0, 4); };
  world.link->send({"GET", "a"}, note);
  SUBCASE("closed") { world.wire.handler->on_end(world.wire.end, {}); }
  SUBCASE("silent") {
    world.pass(999ms);
    CHECK(world.link->is_up());
    world.pass(1ms);
  }
  SUBCASE("babbling") { world.wire.say("what?\r\n"); }
  SUBCASE("by the owner") { world.link->drop("because"); }
  SUBCASE("an answer too many") { world.wire.say("+1\r\n+2\r\n"), told = "LOST"; }
  CHECK(told == "LOST");
  CHECK(world.owner.downs.size() == 1);
  CHECK(world.wire.handler == nullptr);
  world.link->send({"GET", "a"}, note);
  CHECK(told == "LOSTLOST");
  world.pass(19ms);
  CHECK(world.wire.connects == 1);
  world.pass(1ms);
  CHECK(world.wire.connects == 2);
  CHECK(world.wire.host == "b");
  CHECK(world.link->times_lost() == 1);
}

TEST_CASE("pauses grow while nobody is there") {
  World world;
  Duration waited{0};
  for (const Duration pause : {20ms, 40ms, 80ms, 160ms, 320ms, 640ms, 1000ms, 1000ms}) {
    world.wire.handler->on_end(world.wire.end, {});
    const int before = world.wire.connects;
    world.pass(pause - 1ns);
    CHECK(world.wire.connects == before);
    world.pass(1ns);
    CHECK(world.wire.connects == before + 1);
    waited += pause;
  }
  CHECK(world.owner.downs.size() == 8);
  CHECK(world.link->times_lost() == 0);
  world.pass(1s);  // it connects, and nothing comes
  CHECK(world.wire.handler == nullptr);
}

TEST_CASE("servers that will not do") {
  struct Case {
    std::string_view answer, why;
  };
  constexpr Case cases[] = {
      {"-WRONGPASS invalid username-password pair\r\n", "WRONGPASS"},
      {"-ERR unknown command `HELLO`\r\n", "RESP3"},
      {"-NOPROTO unsupported protocol version\r\n", "RESP3"},
      {"%1\r\n+role\r\n+replica\r\n", "replica"},
      {"%0\r\n-NOPERM no permissions to run 'ping'\r\n", "NOPERM"},
  };
  for (const Case& each : cases) {
    CAPTURE(each.answer);
    World world;
    world.wire.handler->on_connected(world.wire.end);
    world.wire.say(each.answer);
    CHECK(!world.link->is_up());
    CHECK(world.link->trouble().find(each.why) != std::string::npos);
    CHECK(world.wire.handler == nullptr);
    CHECK(world.owner.ups == 0);
  }
}
