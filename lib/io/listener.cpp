#include "io/listener.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>

namespace heim::io {
namespace {

constexpr int accepts_per_turn_max = 16;
constexpr Duration rest_time = std::chrono::milliseconds(100);

Fd spare() { return Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

bool out_of_resources(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

Listener::Listener(Loop& loop, ListenSocket socket, OnAccept on_accept, Logger* logger)
    : socket_(std::move(socket)),
      on_accept_(std::move(on_accept)),
      logger_(logger),
      reserve_(spare()),
      poller_(loop, socket_.fd(), *this),
      rest_(loop, [this] {
        resting_ = false;
        if (accepting_) poller_.watch(Poller::readable);
      }) {
  start();
}

Listener::~Listener() = default;

void Listener::start() {
  accepting_ = true;
  if (!resting_) poller_.watch(Poller::readable);
}

void Listener::stop() {
  accepting_ = false;
  poller_.watch(0);
}

void Listener::on_poll(unsigned) {
  bool more = true;
  for (int i = 0; i < accepts_per_turn_max && more && accepting_ && !resting_; ++i) {
    const int fd = ::accept4(socket_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      on_accept_(fd);
    } else if (out_of_resources(errno)) {
      rest(errno);
    } else {
      // Else a client that left before it was accepted (ECONNABORTED and the network's errors).
      more = errno != EAGAIN && errno != EWOULDBLOCK;
    }
  }
}

void Listener::rest(int error) {
  if (logger_ && logger_->level() <= LogLevel::warning) {
    logger_->log(LogLevel::warning,
                 std::string("could not accept a connection: ") + errno_text(error));
  }
  if (error == EMFILE || error == ENFILE) refuse_one();
  resting_ = true;
  poller_.watch(0);
  rest_.start_in(rest_time);
}

void Listener::refuse_one() {
  reserve_.reset();
  Fd refused(::accept4(socket_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
  refused.reset();  // its number becomes the reserve again
  reserve_ = spare();
}

}  // namespace heim::io
