// canned PORT: an instant PostgreSQL server, the bench's peer when PostgreSQL itself would be what
// is measured.
//
// One thread, one epoll; per wake-up one read and one write. It only serves the bench: no test
// leans on it.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>

#include "canned_session.hpp"
#include "sockets.hpp"

namespace heim::bench {
namespace {

struct Client {
  int fd;
  CannedSession session;
  std::size_t sent = 0;  // of session.output()
  std::uint32_t interest = EPOLLIN;
};

class CannedServer {
 public:
  explicit CannedServer(std::uint16_t port) : epoll_(make_epoll()), listener_(listen_on(port)) {
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
          on_event(static_cast<Client*>(events[i].data.ptr), events[i].events);
        }
      }
    }
  }

 private:
  void accept_all() {
    for (int fd = accept_from(listener_); fd >= 0; fd = accept_from(listener_)) {
      auto* client = new Client{fd, {}};  // owned by its socket: on_event() ends both
      watch(epoll_, EPOLL_CTL_ADD, fd, EPOLLIN, client);
    }
  }

  void on_event(Client* client, std::uint32_t events) {
    const bool alive = (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0 || receive(*client);
    if (alive && send(*client) && !client->session.finished()) return;
    ::close(client->fd);
    delete client;
  }

  bool receive(Client& client) {
    const ssize_t got = ::recv(client.fd, buffer_.data(), buffer_.size(), 0);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return false;
    client.session.receive({buffer_.data(), static_cast<std::size_t>(got)});
    return true;
  }

  /// Writes until all is out or the socket is full. Nothing is read while something is unsent.
  bool send(Client& client) {
    std::string& output = client.session.output();
    while (!output.empty()) {
      const ssize_t sent =
          ::send(client.fd, output.data() + client.sent, output.size() - client.sent, MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN && errno != EINTR) return false;
      if (sent > 0) client.sent += static_cast<std::size_t>(sent);
      if (client.sent < output.size()) return set_interest(client, EPOLLOUT);
      output.clear();
      client.sent = 0;
      client.session.resume();
    }
    return set_interest(client, EPOLLIN);
  }

  bool set_interest(Client& client, std::uint32_t interest) {
    if (client.interest != interest) watch(epoll_, EPOLL_CTL_MOD, client.fd, interest, &client);
    client.interest = interest;
    return true;
  }

  int epoll_;
  int listener_;
  std::array<char, 65536> buffer_{};
};

}  // namespace
}  // namespace heim::bench

int main(int argc, char** argv) {
  if (argc != 2) heim::bench::die("usage: canned PORT");
  heim::bench::install_signals();
  std::make_unique<heim::bench::CannedServer>(heim::bench::parse_port(argv[1]))->run();
}
