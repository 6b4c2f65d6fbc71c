// Outgoing streams: addresses, names, failures.
#include <netinet/in.h>
#include <sys/socket.h>

#include "harness.hpp"
#include "io/listener.hpp"

using namespace heim;
using namespace heim::io;
using namespace heim::io::test;

namespace {

/// A listener that greets and counts.
struct Server {
  std::unique_ptr<Listener> listener;
  std::vector<Fd> accepted;
  Server(World& world, ListenSocket socket)
      : listener(new Listener(world.loop, std::move(socket), [this](int fd) {
          accepted.emplace_back(fd);
          send_all(fd, "hi");
        })) {}
  std::uint16_t port() const { return listener->endpoint().port(); }
};

ListenSocket tcp(const std::string& address) {
  auto opened = ListenSocket::open_tcp(address, {});
  REQUIRE(bool(opened));
  return std::move(opened->front());
}

/// A bound port where nobody listens.
struct DeadPort {
  Fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  explicit DeadPort(int backlog = -1) {
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(fd.get(), name(), size) == 0);
    REQUIRE(::getsockname(fd.get(), name(), &size) == 0);
    if (backlog >= 0) REQUIRE(::listen(fd.get(), backlog) == 0);
  }
  sockaddr* name() { return reinterpret_cast<sockaddr*>(&address); }
  std::uint16_t port() const { return ntohs(address.sin_port); }
};

void greet(World& world, const Target& target, const std::string& peer_name) {
  Recorder client;
  client.stream = world.transport.connect(target, client);
  CHECK(client.connected == 0);
  client.write("early ");
  CHECK(client.stream->backlog() == 6);
  client.connected_hook = [&] { client.write("late"); };
  REQUIRE(world.until([&] { return client.received == "hi" || client.ended; }));
  CHECK(client.ended == 0);
  CHECK(client.connected == 1);
  CHECK(client.stream->backlog() == 0);
  CHECK(client.drained == 1);
  CHECK(client.stream->peer_name() == peer_name);
  client.close();
}

}  // namespace

TEST_CASE("connects to v4, v6 and a name; what was written before is sent first") {
  World world;
  Server v4(world, tcp("127.0.0.1:0"));
  const std::string port = std::to_string(v4.port());
  greet(world, {"127.0.0.1", v4.port(), 5s}, "127.0.0.1:" + port);
  CHECK(take_available(v4.accepted.back().get()) == "early late");
  greet(world, {"localhost", v4.port(), 5s}, "127.0.0.1:" + port);

  if (auto opened = ListenSocket::open_tcp("[::1]:0", {})) {
    Server v6(world, std::move(opened->front()));
    greet(world, {"::1", v6.port(), 5s}, "[::1]:" + std::to_string(v6.port()));
  } else {
    MESSAGE("no v6 here: ", opened.error().message);
  }
}

TEST_CASE("connects to a unix socket by its directory") {
  World world;
  TempDir dir;
  auto opened = ListenSocket::open_unix(dir.path + "/.s.PGSQL.5444", {});
  REQUIRE(bool(opened));
  Server server(world, std::move(*opened));
  greet(world, {dir.path, 5444, 5s}, "unix");
}

TEST_CASE("a loopback stream knows what it is") {
  World world;
  Recorder near_side, far_side;
  auto [near, far] = tcp_pair();
  auto* stream = world.transport.adopt_fd(near.release(), near_side);
  auto* other = world.transport.adopt_fd(far.release(), far_side);
  CHECK(stream->is_loopback());
  CHECK_FALSE(stream->is_unix());
  CHECK(stream->peer_user().empty());
  CHECK(stream->peer_address() == "127.0.0.1");
  CHECK(stream->peer_name() == other->local_name());
  CHECK(other->peer_name() == stream->local_name());

  auto [left, right] = socket_pair();
  auto* local = world.transport.adopt_fd(left.release(), near_side);
  CHECK_FALSE(local->is_loopback());
  CHECK_FALSE(local->peer_user().empty());
}

TEST_CASE("refused: told from the loop, with the address") {
  World world;
  DeadPort dead;
  Recorder client;
  client.stream = world.transport.connect({"127.0.0.1", dead.port(), 5s}, client);
  client.write("never sent");
  CHECK(client.ended == 0);
  REQUIRE(world.until([&] { return client.ended == 1; }));
  CHECK_FALSE(client.end.orderly);
  CHECK(client.end.message ==
        "connection to 127.0.0.1:" + std::to_string(dead.port()) + " failed: Connection refused");
  CHECK(client.stream->backlog() == 0);
  CHECK(client.connected == 0);
  client.close();
  CHECK(world.until([&] { return world.transport.stream_count() == 0; }));
}

TEST_CASE("each address of a name is tried") {
  World world;
  DeadPort dead;
  Recorder client;
  client.stream = world.transport.connect({"localhost", dead.port(), 5s}, client);
  REQUIRE(world.until([&] { return client.ended == 1; }));
  CHECK(client.end.message.find("127.0.0.1:") != std::string::npos);
  CHECK(client.end.message.find("refused") != std::string::npos);
}

TEST_CASE("a silent server: the time-out ends it") {
  World world;
  DeadPort full(0);
  std::vector<Fd> fillers;  // with its queue full, the kernel drops what else comes
  for (int i = 0; i < 4; ++i) {
    fillers.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    std::ignore = ::connect(fillers.back().get(), full.name(), sizeof full.address);
  }
  Recorder client;
  const Instant start = std::chrono::steady_clock::now();
  client.stream = world.transport.connect({"127.0.0.1", full.port(), 150ms}, client);
  REQUIRE(world.until([&] { return client.ended == 1; }));
  CHECK(std::chrono::steady_clock::now() >= start + 150ms);
  CHECK(client.end.message.find("time-out") != std::string::npos);
}

TEST_CASE("a unix socket whose queue is full is tried until the time-out") {
  World world;
  TempDir dir;
  ListenOptions options;
  options.backlog = 0;
  auto opened = ListenSocket::open_unix(dir.path + "/.s.PGSQL.5444", options);
  REQUIRE(bool(opened));
  Recorder first, second, third;
  const Target target{dir.path, 5444, 10s};
  first.stream = world.transport.connect(target, first);
  REQUIRE(world.until([&] { return first.connected == 1; }));
  second.stream = world.transport.connect({dir.path, 5444, 60ms}, second);
  REQUIRE(world.until([&] { return second.ended == 1; }));
  CHECK(second.end.message.find("time-out") != std::string::npos);

  third.stream = world.transport.connect(target, third);
  world.turns(2);
  CHECK(third.connected == 0);
  Server server(world, std::move(*opened));  // makes room
  CHECK(world.until([&] { return third.received == "hi"; }));
}

TEST_CASE("names and paths that cannot be") {
  World world;
  struct {
    Target target;
    const char* message;
  } const cases[] = {
      {{"no-such-host.invalid", 5432, 10s}, "no-such-host.invalid"},
      {{"", 5432, 10s}, "host name"},
      {{"/no/such/dir", 5432, 10s}, "No such file or directory"},
      {{"/" + std::string(200, 'x'), 5432, 10s}, "too long"},
  };
  for (const auto& item : cases) {
    Recorder client;
    client.stream = world.transport.connect(item.target, client);
    REQUIRE(world.until([&] { return client.ended == 1; }));
    CAPTURE(client.end.message);
    CHECK(client.end.message.find(item.message) != std::string::npos);
    client.close();
  }
}

TEST_CASE("a backend of this process is reached by a dial, without an address") {
  World world;
  Fd theirs;
  world.transport.set_dial([&](std::string_view name) -> Result<Fd> {
    if (name != "lite") return Error{"08001", "there is no backend " + std::string(name), {}, {}};
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    theirs.reset(ends[0]);
    send_all(theirs.get(), "hi");
    return Fd(ends[1]);
  });
  greet(world, Target{"backend:lite", 5432}, "unix");
  Recorder client;
  client.stream = world.transport.connect(Target{"backend:other", 5432}, client);
  CHECK(client.stream->peer_name() == "backend:other");
  REQUIRE(world.until([&] { return client.ended == 1; }));
  CHECK(client.end.message == "there is no backend other");
  client.stream->close();
}

TEST_CASE("close before and while connecting, and inside on_connected") {
  World world;
  Server server(world, tcp("127.0.0.1:0"));
  const Target target{"127.0.0.1", server.port(), 5s};
  Recorder early, looking_up, late;
  early.stream = world.transport.connect(target, early);
  early.close();
  looking_up.stream = world.transport.connect({"localhost", server.port(), 5s}, looking_up);
  world.loop.post([&] { looking_up.close(); });
  late.stream = world.transport.connect(target, late);
  late.connected_hook = [&] { late.close(); };
  REQUIRE(world.until([&] { return world.transport.stream_count() == 0; }));
  CHECK(early.connected + looking_up.connected == 0);
  CHECK(late.connected == 1);
  CHECK(early.ended + looking_up.ended + late.ended == 0);
}
