// Sessions in the program's own epoll loop: each asks, and asks again when its answer is there.
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <heimproxy/heimproxy.hpp>
#include <map>
#include <system_error>

namespace {

/// Calls what belongs to a descriptor when that is readable.
class Loop {
 public:
  Loop() : fd_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category());
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop() { ::close(fd_); }

  void watch(int fd, std::function<void()> readable) {
    ::epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (::epoll_ctl(fd_, EPOLL_CTL_ADD, fd, &event) != 0)
      throw std::system_error(errno, std::generic_category());
    handlers_[fd] = std::move(readable);
  }
  void turn() {
    ::epoll_event events[16];
    const int ready = ::epoll_wait(fd_, events, 16, -1);
    for (int i = 0; i < ready; ++i) handlers_.at(events[i].data.fd)();
  }

 private:
  int fd_;
  std::map<int, std::function<void()>> handlers_;
};

/// A session with one statement after the other.
class Worker {
 public:
  Worker(Loop& loop, heimproxy::Session session, int number)
      : session_(std::move(session)), number_(number) {
    int fd = -1;
    heimproxy::detail::check(
        [&](heim_error* error) { return heim_session_descriptor(session_.handle(), &fd, error); });
    loop.watch(fd, [this] { on_ready(); });
    ask();
  }
  bool done() const { return left_ == 0; }

 private:
  void ask() {
    heim_request request = HEIM_REQUEST_INIT;
    const std::string number = std::to_string(number_);
    const heim_value value{number.data(), number.size(), 0, HEIM_FORMAT_TEXT};
    request.sql = "SELECT $1::int * 10, pg_sleep(0.05)";
    request.values = &value;
    request.value_count = 1;
    heimproxy::detail::check([&](heim_error* error) {
      return heim_session_start(session_.handle(), &request, nullptr, nullptr, error);
    });
  }
  void on_ready() {
    if (done()) return;
    const heim_result* answer = nullptr;
    heim_error error;
    const heim_status status = heim_session_finish(session_.handle(), 0, &answer, &error);
    if (status == HEIM_TIMED_OUT) return;  // not yet: the loop calls again
    if (status != HEIM_OK) throw heimproxy::Error(error);
    std::printf("session %d: %d\n", number_, heimproxy::Result(answer)[0][0].as<int>());
    if (--left_ > 0) ask();
  }

  heimproxy::Session session_;
  int number_, left_ = 3;
};

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

}  // namespace

int main(int argc, char** argv) try {
  heimproxy::Proxy proxy(heimproxy::Config::file(argc > 1 ? argv[1] : "heimproxy.toml"));
  proxy.start();
  Loop loop;
  std::vector<std::unique_ptr<Worker>> workers;
  for (int number = 1; number <= 4; ++number) {
    // This waits, once: for the first login of a user and the server's connection.
    heimproxy::Session session = proxy.open({.user = environment("PGUSER"),
                                             .database = environment("PGDATABASE"),
                                             .password = environment("PGPASSWORD")});
    workers.push_back(std::make_unique<Worker>(loop, std::move(session), number));
  }
  int ticks = 0;
  const int timer = ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  const ::itimerspec each{{0, 5'000'000}, {0, 5'000'000}};
  ::timerfd_settime(timer, 0, &each, nullptr);
  loop.watch(timer, [&] {
    std::uint64_t passed = 0;
    if (::read(timer, &passed, sizeof passed) == sizeof passed) ++ticks;
  });
  const auto busy = [](const auto& worker) { return !worker->done(); };
  while (std::ranges::any_of(workers, busy)) loop.turn();
  ::close(timer);
  std::printf("%d turns of the clock meanwhile\n", ticks);
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
