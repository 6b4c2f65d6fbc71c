// SocketStream without TLS.
#include <sys/socket.h>

#include "harness.hpp"

using namespace heim;
using namespace heim::io;
using namespace heim::io::test;

namespace {

/// A stream with the test holding the other end of its socket.
struct Wire : World {
  Recorder handler;
  Fd far;
  explicit Wire(bool tcp = false) {
    auto [near, other] = tcp ? tcp_pair() : socket_pair();
    far = std::move(other);
    handler.stream = transport.adopt_fd(near.release(), handler);
  }
  bool gone() const { return transport.stream_count() == 0; }
};

void reset(Fd& fd) {
  const linger hard{1, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  fd.reset();
}

}  // namespace

TEST_CASE("bytes come in and go out") {
  Wire wire;
  REQUIRE(send_all(wire.far.get(), "hello"));
  REQUIRE(wire.until([&] { return wire.handler.received == "hello"; }));
  const Bytes parts[] = {as_bytes("one "), {}, as_bytes("two "), as_bytes("three")};
  wire.handler.stream->write(parts);
  CHECK(wire.handler.stream->backlog() == 0);
  CHECK(take_available(wire.far.get()) == "one two three");
  CHECK(wire.handler.stream->is_unix());
  CHECK_FALSE(wire.handler.stream->is_tls());
  CHECK(wire.handler.stream->peer_name() == "unix");
}

TEST_CASE("more segments than one sendmsg() takes") {
  Wire wire;
  const std::string text = pattern(3000);
  std::vector<Bytes> parts;
  for (std::size_t i = 0; i < text.size(); i += 10) {
    parts.push_back(as_bytes(std::string_view(text).substr(i, 10)));
  }
  wire.handler.stream->write(parts);
  CHECK(take_available(wire.far.get()) == text);
}

TEST_CASE("a slow reader: the backlog keeps order, drains, and says so once") {
  for (const bool tcp : {false, true}) {
    Wire wire(tcp);
    const std::string text = pattern(8 << 20);
    const std::string_view view = text;
    for (std::size_t at = 0; at < text.size(); at += 100'000) {
      wire.handler.write(view.substr(at, 100'000));
    }
    const std::size_t backlog = wire.handler.stream->backlog();
    CHECK(backlog > 0);
    CHECK(backlog < text.size());
    std::string seen;
    REQUIRE(wire.until([&] {
      seen += take_available(wire.far.get());
      return seen.size() == text.size();
    }));
    CHECK(seen == text);
    REQUIRE(wire.until([&] { return wire.handler.drained == 1; }));
    CHECK(wire.handler.stream->backlog() == 0);
    wire.handler.write("more");
    wire.turns(2);
    CHECK(take_available(wire.far.get()) == "more");
    CHECK(wire.handler.drained == 1);
  }
}

TEST_CASE("large data both ways between two streams, each echoing into a backlog") {
  World world;
  Recorder client, server;
  auto [near, far] = tcp_pair();
  client.stream = world.transport.adopt_fd(near.release(), client);
  server.stream = world.transport.adopt_fd(far.release(), server);
  std::size_t echoed = 0;
  server.bytes_hook = [&] {
    server.write(std::string_view(server.received).substr(echoed));
    echoed = server.received.size();
    if (server.stream->backlog() > 0) server.stream->pause();
  };
  server.drained_hook = [&] { server.stream->resume(); };
  const std::string text = pattern(16 << 20);
  client.write(text);
  REQUIRE(world.until([&] { return client.received.size() == text.size(); }));
  CHECK(client.received == text);
  CHECK(client.drained == 1);
}

TEST_CASE("a paused stream tells nothing until it resumes, and then everything") {
  Wire wire;
  wire.handler.stream->pause();
  REQUIRE(send_all(wire.far.get(), "early"));
  wire.turns(3);
  CHECK(wire.handler.received.empty());
  REQUIRE(send_all(wire.far.get(), "+late"));
  wire.handler.stream->resume();
  REQUIRE(wire.until([&] { return wire.handler.received == "early+late"; }));

  wire.handler.stream->pause();
  wire.handler.stream->resume();
  REQUIRE(send_all(wire.far.get(), "!"));
  CHECK(wire.until([&] { return wire.handler.received == "early+late!"; }));
}

TEST_CASE("pausing from on_bytes leaves the rest in the kernel") {
  Wire wire;
  const std::string text = pattern(150'000);
  wire.handler.bytes_hook = [&] { wire.handler.stream->pause(); };
  REQUIRE(send_all(wire.far.get(), text));
  REQUIRE(wire.until([&] { return wire.handler.chunks == 1; }));
  wire.turns(3);
  CHECK(wire.handler.chunks == 1);
  while (wire.handler.received.size() < text.size()) {
    const int before = wire.handler.chunks;
    wire.handler.stream->resume();
    REQUIRE(wire.until([&] { return wire.handler.chunks > before; }));
    CHECK(wire.handler.chunks == before + 1);
  }
  CHECK(wire.handler.received == text);
}

TEST_CASE("the peer leaves: last bytes first, then an orderly end") {
  Wire wire;
  REQUIRE(send_all(wire.far.get(), "bye"));
  wire.far.reset();
  REQUIRE(wire.until([&] { return wire.handler.ended == 1; }));
  CHECK(wire.handler.received == "bye");
  CHECK(wire.handler.end.orderly);
  CHECK(wire.handler.end.message.empty());
  wire.handler.close();
  CHECK(wire.until([&] { return wire.gone(); }));
}

TEST_CASE("the peer leaves while paused: told on resume, after its last bytes") {
  Wire wire;
  wire.handler.stream->pause();
  REQUIRE(send_all(wire.far.get(), "bye"));
  wire.far.reset();
  wire.turns(3);
  CHECK(wire.handler.ended == 0);
  wire.handler.stream->resume();
  REQUIRE(wire.until([&] { return wire.handler.ended == 1; }));
  CHECK(wire.handler.received == "bye");
}

TEST_CASE("a reset ends the stream with a reason, also while it is paused and has a backlog") {
  for (const bool paused : {false, true}) {
    Wire wire(true);
    if (paused) {
      wire.handler.write(pattern(8 << 20));
      CHECK(wire.handler.stream->backlog() > 0);
      wire.handler.stream->pause();
    }
    reset(wire.far);
    REQUIRE(wire.until([&] { return wire.handler.ended == 1; }));
    CHECK_FALSE(wire.handler.end.orderly);
    CHECK(wire.handler.end.message == "Connection reset by peer");
    CHECK(wire.handler.stream->backlog() == 0);
    wire.handler.write("dropped");
    wire.handler.close();
    CHECK(wire.until([&] { return wire.gone(); }));
    CHECK(wire.handler.drained == 0);
  }
}

TEST_CASE("a reset while paused and quiet is told on resume") {
  Wire wire(true);
  wire.handler.stream->pause();
  reset(wire.far);
  wire.turns(3);
  CHECK(wire.handler.ended == 0);
  wire.handler.stream->resume();
  REQUIRE(wire.until([&] { return wire.handler.ended == 1; }));
  CHECK_FALSE(wire.handler.end.orderly);
}

TEST_CASE("a failed write ends the stream from the loop, after the peer's last words") {
  Wire wire;
  REQUIRE(send_all(wire.far.get(), "last words"));
  wire.far.reset();
  wire.handler.write("into the void");
  CHECK(wire.handler.ended == 0);
  REQUIRE(wire.until([&] { return wire.handler.ended == 1; }));
  CHECK(wire.handler.received == "last words");
}

TEST_CASE("a failed write while paused: the last words wait for resume") {
  Wire wire;
  wire.handler.stream->pause();
  REQUIRE(send_all(wire.far.get(), "last words"));
  wire.far.reset();
  wire.handler.write("into the void");
  wire.turns(3);
  CHECK(wire.handler.ended == 0);
  CHECK(wire.handler.received.empty());
  wire.handler.stream->resume();
  REQUIRE(wire.until([&] { return wire.handler.ended == 1; }));
  CHECK(wire.handler.received == "last words");
}

TEST_CASE("a failed write while paused with nothing to read ends at once") {
  Wire wire;
  wire.handler.stream->pause();
  wire.far.reset();
  wire.handler.write("into the void");
  REQUIRE(wire.until([&] { return wire.handler.ended == 1; }));
  CHECK(wire.handler.end.message == "Broken pipe");
}

TEST_CASE("close sends the backlog first, then says end of file") {
  Wire wire(true);
  const std::string text = pattern(8 << 20);
  wire.handler.write(text);
  wire.handler.close(20s);
  std::string seen;
  REQUIRE(wire.until([&] { return peer_closed(wire.far.get(), &seen); }));
  CHECK(seen == text);
  wire.far.reset();
  CHECK(wire.until([&] { return wire.gone(); }, 5s));
  CHECK(wire.handler.drained == 0);
}

TEST_CASE("close with input unread does not reset the connection") {
  Wire wire(true);
  wire.handler.stream->pause();
  REQUIRE(send_all(wire.far.get(), pattern(200'000)));
  wire.handler.write("error: go away");
  wire.handler.close();
  wire.turns(2);
  REQUIRE(send_all(wire.far.get(), "still talking"));
  wire.turns(2);
  std::string seen;
  REQUIRE(wire.until([&] { return peer_closed(wire.far.get(), &seen); }));
  CHECK(seen == "error: go away");
}

TEST_CASE("close is bounded by linger") {
  Wire wire(true);
  wire.handler.write(pattern(8 << 20));
  const Instant start = wire.loop.now();
  wire.handler.close(50ms);
  REQUIRE(wire.until([&] { return wire.gone(); }));
  CHECK(std::chrono::steady_clock::now() >= start + 50ms);

  Wire abrupt(true);
  abrupt.handler.write(pattern(8 << 20));
  abrupt.handler.close(0s);
  abrupt.turns(1);
  CHECK(abrupt.gone());
}

TEST_CASE("a peer that never closes does not keep a closed stream") {
  Wire wire(true);
  wire.handler.close(30ms);
  CHECK(wire.until([&] { return wire.gone(); }, 5s));
}

TEST_CASE("close in every callback; no call comes after it") {
  SUBCASE("on_bytes") {
    Wire wire;
    wire.handler.bytes_hook = [&] { wire.handler.close(); };
    REQUIRE(send_all(wire.far.get(), pattern(200'000)));
    wire.far.reset();
    REQUIRE(wire.until([&] { return wire.gone(); }));
    CHECK(wire.handler.chunks == 1);
    CHECK(wire.handler.ended == 0);
  }
  SUBCASE("on_drained") {
    Wire wire;
    wire.handler.drained_hook = [&] { wire.handler.close(); };
    wire.handler.write(pattern(4 << 20));
    std::string seen;
    REQUIRE(wire.until([&] { return peer_closed(wire.far.get(), &seen); }));
    CHECK(seen.size() == 4 << 20);
    CHECK(wire.handler.ended == 0);
  }
  SUBCASE("on_end") {
    Wire wire;
    wire.handler.end_hook = [&] { wire.handler.close(); };
    wire.far.reset();
    REQUIRE(wire.until([&] { return wire.gone(); }));
    CHECK(wire.handler.ended == 1);
  }
  SUBCASE("on_end of a failed write") {
    Wire wire;
    wire.handler.end_hook = [&] { wire.handler.close(); };
    wire.far.reset();
    wire.handler.write("x");
    REQUIRE(wire.until([&] { return wire.gone(); }));
    CHECK(wire.handler.ended == 1);
  }
  SUBCASE("another stream's callback in the same turn") {
    World world;
    Recorder a, b;
    auto [near_a, far_a] = socket_pair();
    auto [near_b, far_b] = socket_pair();
    a.stream = world.transport.adopt_fd(near_a.release(), a);
    b.stream = world.transport.adopt_fd(near_b.release(), b);
    a.bytes_hook = [&] { b.stream ? b.close(0s) : void(); };
    b.bytes_hook = [&] { a.stream ? a.close(0s) : void(); };
    REQUIRE(send_all(far_a.get(), "x"));
    REQUIRE(send_all(far_b.get(), "x"));
    REQUIRE(world.until([&] { return world.transport.stream_count() == 1; }));
    world.turns(2);
    CHECK(a.chunks + b.chunks == 1);
  }
}

TEST_CASE("the borrowed bytes outlive a close inside on_bytes") {
  Wire wire;
  std::string after;
  struct Closer : StreamHandler {
    std::string& after;
    explicit Closer(std::string& to) : after(to) {}
    void on_bytes(Stream& stream, Bytes bytes) override {
      stream.close();
      after = as_text(bytes);
    }
    void on_end(Stream&, const StreamEnd&) override {}
  } closer(after);
  wire.handler.stream->set_handler(closer);
  REQUIRE(send_all(wire.far.get(), "abc"));
  REQUIRE(wire.until([&] { return !after.empty(); }));
  CHECK(after == "abc");
  CHECK(wire.handler.chunks == 0);
}

TEST_CASE("one busy stream does not starve another") {
  World world;
  Recorder busy, quiet;
  auto [near_a, far_a] = socket_pair();
  auto [near_b, far_b] = socket_pair();
  busy.stream = world.transport.adopt_fd(near_a.release(), busy);
  quiet.stream = world.transport.adopt_fd(near_b.release(), quiet);
  const int fd = far_a.get();
  const std::string block(65536, 'x');
  auto refill = [&] { std::ignore = ::send(fd, block.data(), block.size(), MSG_DONTWAIT); };
  busy.bytes_hook = refill;  // as fast as it reads, more comes
  refill();
  refill();
  REQUIRE(send_all(far_b.get(), "me too"));
  CHECK(world.until([&] { return quiet.received == "me too"; }));
  busy.bytes_hook = nullptr;
}

TEST_CASE("a transport that goes takes its streams along, whatever they do") {
  auto [near_a, far_a] = socket_pair();
  auto [near_b, far_b] = tcp_pair();
  {
    Loop loop;
    Recorder handler;
    {
      SocketTransport transport(loop);
      handler.stream = transport.adopt_fd(near_a.release(), handler);
      auto* closing = transport.adopt_fd(near_b.release(), handler);
      const std::string text = pattern(8 << 20);
      const Bytes bytes = as_bytes(text);
      closing->write({&bytes, 1});
      closing->close();
      transport.connect({"127.0.0.1", 1, 1s}, handler);
      transport.connect({"localhost", 1, 1s}, handler);
      loop.run_once();
      handler.ended = 0;
    }
    CHECK(handler.ended == 0);
  }
  CHECK(peer_closed(far_a.get()));
}
