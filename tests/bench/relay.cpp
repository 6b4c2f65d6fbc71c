// relay LISTEN_PORT SERVER_PORT: a bare epoll relay, the floor of what a proxy can cost.
//
// One server connection per client, no look at the bytes: per query and answer two reads, two
// writes and the waits. Whatever a proxy costs above this is its own work; a proxy that costs less
// has saved system calls.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "sockets.hpp"

namespace heim::bench {
namespace {

struct Pair;

/// One side of a pair. `unsent` is what its peer gave and its socket did not take yet.
struct End {
  int fd = -1;
  Pair* pair = nullptr;
  End* peer = nullptr;
  std::string unsent;
  std::uint32_t interest = EPOLLIN;
};

struct Pair {
  End client, server;
  bool closed = false;
};

class Relay {
 public:
  Relay(std::uint16_t listen_port, std::uint16_t server_port)
      : epoll_(make_epoll()), listener_(listen_on(listen_port)), server_port_(server_port) {
    watch(epoll_, EPOLL_CTL_ADD, listener_, EPOLLIN, nullptr);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 256> events;
    for (;;) {
      const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        if (events[i].data.ptr == nullptr) {
          accept_all();
        } else {
          on_event(*static_cast<End*>(events[i].data.ptr), events[i].events);
        }
      }
      closed_.clear();  // events of this round may still have pointed there
    }
  }

 private:
  void accept_all() {
    for (int fd = accept_from(listener_); fd >= 0; fd = accept_from(listener_)) {
      auto* pair = new Pair;  // owned by its sockets: close_pair() takes it back
      pair->client = {fd, pair, &pair->server, {}, EPOLLIN};
      pair->server = {connect_to(server_port_, 0), pair, &pair->client, {}, EPOLLIN};
      watch(epoll_, EPOLL_CTL_ADD, fd, EPOLLIN, &pair->client);
      watch(epoll_, EPOLL_CTL_ADD, pair->server.fd, EPOLLIN, &pair->server);
    }
  }

  void on_event(End& end, std::uint32_t events) {
    if (end.pair->closed) return;
    if ((events & EPOLLOUT) != 0 && !flush(end)) return close_pair(*end.pair);
    // A side that hangs up while its peer is behind (it is not read then) cannot be helped: both
    // go.
    const bool paused = (end.interest & EPOLLIN) == 0;
    if ((events & (EPOLLHUP | EPOLLERR)) != 0 && paused) return close_pair(*end.pair);
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !pass_on(end)) close_pair(*end.pair);
  }

  /// Reads once and writes once. False: the pair is over.
  bool pass_on(End& from) {
    const ssize_t got = ::recv(from.fd, buffer_.data(), buffer_.size(), 0);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return false;
    End& to = *from.peer;
    const ssize_t sent = ::send(to.fd, buffer_.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL);
    // ENOTCONN: the server's handshake is not through yet.
    if (sent < 0 && errno != EAGAIN && errno != EINTR && errno != ENOTCONN) return false;
    if (sent < got) {
      const ssize_t taken = sent < 0 ? 0 : sent;
      to.unsent.assign(buffer_.data() + taken, static_cast<std::size_t>(got - taken));
      set_interest(from, 0);
      set_interest(to, to.interest | EPOLLOUT);
    }
    return true;
  }

  bool flush(End& end) {
    const ssize_t sent = ::send(end.fd, end.unsent.data(), end.unsent.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EINTR;
    end.unsent.erase(0, static_cast<std::size_t>(sent));
    if (end.unsent.empty()) {
      set_interest(end, end.interest & ~std::uint32_t{EPOLLOUT});
      set_interest(*end.peer, end.peer->interest | EPOLLIN);
    }
    return true;
  }

  void set_interest(End& end, std::uint32_t interest) {
    if (end.interest == interest) return;
    end.interest = interest;
    watch(epoll_, EPOLL_CTL_MOD, end.fd, interest, &end);
  }

  void close_pair(Pair& pair) {
    pair.closed = true;
    ::close(pair.client.fd);
    ::close(pair.server.fd);
    closed_.emplace_back(&pair);
  }

  int epoll_;
  int listener_;
  std::uint16_t server_port_;
  std::array<char, 65536> buffer_{};
  std::vector<std::unique_ptr<Pair>> closed_;
};

}  // namespace
}  // namespace heim::bench

int main(int argc, char** argv) {
  if (argc != 3) heim::bench::die("usage: relay LISTEN_PORT SERVER_PORT");
  heim::bench::install_signals();
  auto relay = std::make_unique<heim::bench::Relay>(heim::bench::parse_port(argv[1]),
                                                    heim::bench::parse_port(argv[2]));
  relay->run();
}
