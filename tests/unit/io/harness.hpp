// What the tests of io/ share: a loop to turn, a handler that remembers, sockets to talk to.
#pragma once
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <utility>

#include "base/stream.hpp"
#include "io/fd.hpp"
#include "io/listen_socket.hpp"
#include "io/loop.hpp"
#include "io/socket_transport.hpp"
#include "io/timer.hpp"

namespace heim::io::test {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

/// One thread's loop and transport, turned by hand.
struct World {
  Loop loop;
  SocketTransport transport{loop};
  Timer tick{loop, [] {}};

  World() { tick.start_every(20ms); }
  /// Turns the loop until `done()`; false if that takes too long.
  bool until(const std::function<bool()>& done, Duration limit = 20s);
  /// A few turns in which nothing is expected to happen.
  void turns(int count);
};

/// Remembers what its stream told. Each hook, if set, runs after the event was noted.
struct Recorder : StreamHandler {
  Stream* stream = nullptr;
  std::string received;
  TlsInfo tls;
  StreamEnd end;
  int connected = 0, chunks = 0, tls_count = 0, drained = 0, ended = 0;
  std::function<void()> connected_hook, bytes_hook, tls_hook, drained_hook, end_hook;

  void on_connected(Stream&) override;
  void on_bytes(Stream&, Bytes bytes) override;
  void on_tls(Stream&, const TlsInfo& info) override;
  void on_drained(Stream&) override;
  void on_end(Stream&, const StreamEnd& why) override;

  void write(std::string_view text);
  void close(Duration linger = 5s) { std::exchange(stream, nullptr)->close(linger); }

 private:
  // No re-entry: a call from inside another one is a failure.
  void note(const std::function<void()>& hook);
  bool inside_ = false;
};

/// Two connected, non-blocking unix sockets.
std::pair<Fd, Fd> socket_pair();
/// Two connected TCP sockets over loopback, non-blocking.
std::pair<Fd, Fd> tcp_pair();

/// Blocking helpers with a deadline for the far end, on the test's own thread.
bool send_all(int fd, std::string_view text);
/// Reads what is there now.
std::string take_available(int fd);
/// True if the peer closed (end of file or reset), after reading what it sent into `rest`.
bool peer_closed(int fd, std::string* rest = nullptr);

/// Text that shows a byte lost, doubled or moved.
std::string pattern(std::size_t size);

/// A directory that goes with its owner.
struct TempDir {
  std::string path;
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
};

}  // namespace heim::io::test
