// Streams that move between threads.
#include <atomic>
#include <thread>

#include "certificates.hpp"
#include "harness.hpp"
#include "io/mailbox.hpp"

using namespace heim;
using namespace heim::io;
using namespace heim::io::test;

namespace {

/// A thread with a loop that echoes whatever its streams receive, and hands each on after `rounds`.
class Worker {
 public:
  std::atomic<int> echoed{0};

  explicit Worker(int rounds) : rounds_(rounds), thread_([this] { run(); }) {
    while (!ready_) std::this_thread::yield();
  }
  ~Worker() {
    loop_->stop();
    thread_.join();
  }
  void pass_on_to(Worker& next) { next_ = &next; }
  void set_tls(TlsContext::Ptr server) {
    loop_->post([this, server] { transport_->set_tls(server, nullptr); });
  }
  void give(Stream* stream) { mailbox_->push(stream); }
  void give_fd(int fd) {
    loop_->post([this, fd] { start(*new Echo(*this), fd); });
  }

 private:
  struct Echo : StreamHandler {
    Worker& worker;
    int left;
    explicit Echo(Worker& on) : worker(on), left(on.rounds_) {}
    void on_bytes(Stream& stream, Bytes bytes) override {
      ++worker.echoed;
      if (bytes[0] == 0x16 && !stream.is_tls()) return stream.start_tls_server(bytes);
      stream.write({&bytes, 1});
      if (--left > 0 || !worker.next_) return;
      // From inside its own callback: another thread owns the stream from here on.
      Worker& next = *worker.next_;
      delete this;
      stream.detach();
      next.give(&stream);
    }
    void on_end(Stream& stream, const StreamEnd&) override {
      stream.close();
      delete this;
    }
  };

  void run() {
    Loop loop;
    SocketTransport transport(loop);
    Mailbox<Stream*> mailbox(loop,
                             [&](Stream*&& stream) { transport.adopt(*stream, *new Echo(*this)); });
    loop_ = &loop;
    transport_ = &transport;
    mailbox_ = &mailbox;
    ready_ = true;
    loop.run();
  }
  void start(Echo& echo, int fd) { transport_->adopt_fd(fd, echo); }

  int rounds_;
  Worker* next_ = nullptr;
  Loop* loop_ = nullptr;
  SocketTransport* transport_ = nullptr;
  Mailbox<Stream*>* mailbox_ = nullptr;
  std::atomic<bool> ready_{false};
  std::thread thread_;
};

/// Keeps `clients` talking to streams that wander between two threads.
void ping_pong(bool tls) {
  constexpr int clients = 4, rounds = 200;
  World world;
  Worker left(3), right(2);
  left.pass_on_to(right);
  right.pass_on_to(left);
  TempDir dir;
  if (tls) {
    const Identity identity = make_identity(dir.path, "server", {"db.example", "", nullptr});
    TlsOptions options;
    options.cert_file = identity.cert_file;
    options.key_file = identity.key_file;
    auto context = TlsContext::server(options);
    REQUIRE(bool(context));
    left.set_tls(*context);
    right.set_tls(*context);
  }
  std::vector<Recorder> handlers(clients);
  int finished = 0;
  for (Recorder& handler : handlers) {
    auto [near, far] = tcp_pair();
    left.give_fd(far.release());
    handler.stream = world.transport.adopt_fd(near.release(), handler);
    if (tls) handler.stream->start_tls_client("db.example", SslMode::require);
    auto round = std::make_shared<int>(0);
    handler.bytes_hook = [&handler, &finished, round] {
      if (handler.received != "message " + std::to_string(*round)) return;
      if (++*round == rounds) {
        ++finished;
        return handler.close();
      }
      handler.received.clear();
      handler.write("message " + std::to_string(*round));
    };
    handler.write("message 0");
  }
  CHECK(world.until([&] { return finished == clients; }, 60s));
  CHECK(world.until([&] { return world.transport.stream_count() == 0; }));
  CHECK(left.echoed > 0);
  CHECK(right.echoed > 0);
}

}  // namespace

TEST_CASE("streams wander between threads, from inside on_bytes") { ping_pong(false); }

TEST_CASE("TLS streams wander too") { ping_pong(true); }

TEST_CASE("a detached stream keeps a pause, and bytes that came meanwhile") {
  World here;
  Recorder first, second;
  auto [near, far] = socket_pair();
  Stream* stream = here.transport.adopt_fd(near.release(), first);
  stream->pause();
  REQUIRE(send_all(far.get(), "one "));
  here.turns(3);
  stream->detach();
  CHECK(here.transport.stream_count() == 0);
  REQUIRE(send_all(far.get(), "two"));
  here.turns(3);
  World there;
  there.transport.adopt(*stream, second);
  there.turns(3);
  CHECK(second.received.empty());
  stream->resume();
  REQUIRE(there.until([&] { return second.received == "one two"; }));
  CHECK(first.chunks == 0);
}

TEST_CASE("a backlog moves along") {
  World here, there;
  Recorder first, second;
  auto pair = socket_pair();
  Fd& far = pair.second;
  first.stream = here.transport.adopt_fd(pair.first.release(), first);
  const std::string text = pattern(4 << 20);
  first.write(text);
  Stream* stream = first.stream;
  CHECK(stream->backlog() > 0);
  stream->detach();
  there.transport.adopt(*stream, second);
  std::string seen;
  REQUIRE(there.until([&] {
    seen += take_available(far.get());
    return second.drained == 1;
  }));
  seen += take_available(far.get());
  CHECK(seen == text);
  CHECK(first.drained == 0);
}

TEST_CASE("a detached stream that nobody adopts can be deleted") {
  World world;
  Recorder handler;
  auto [near, far] = socket_pair();
  Stream* stream = world.transport.adopt_fd(near.release(), handler);
  stream->detach();
  delete stream;
  CHECK(peer_closed(far.get()));
}
