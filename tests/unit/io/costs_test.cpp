// What a forwarded message costs, counted: the system calls and allocations below are this
// program's own functions, which every library in it calls, and which pass on to the real ones.
#include <dlfcn.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdlib>
#include <new>

#include "harness.hpp"

using namespace heim;
using namespace heim::io;
using namespace heim::io::test;

namespace {

struct Costs {
  long recv = 0, send = 0, epoll_ctl = 0, epoll_wait = 0, allocations = 0;
};
thread_local Costs costs;

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

#define INTERPOSE extern "C" __attribute__((visibility("default")))

// The streams make these calls without libc's wrappers (see socket_calls.hpp).
INTERPOSE long syscall(long number, ...) noexcept {
  static auto* const next = real<decltype(syscall)>("syscall");
  va_list list;
  va_start(list, number);
  long given[6];
  for (long& argument : given) argument = va_arg(list, long);
  va_end(list);
  costs.recv += number == SYS_recvfrom;
  costs.send += number == SYS_sendto || number == SYS_sendmsg;
  return next(number, given[0], given[1], given[2], given[3], given[4], given[5]);
}
INTERPOSE int epoll_ctl(int epoll, int what, int fd, epoll_event* event) noexcept {
  static auto* const next = real<decltype(epoll_ctl)>("epoll_ctl");
  ++costs.epoll_ctl;
  return next(epoll, what, fd, event);
}
INTERPOSE int epoll_wait(int epoll, epoll_event* events, int count, int timeout) {
  static auto* const next = real<decltype(epoll_wait)>("epoll_wait");
  ++costs.epoll_wait;
  return next(epoll, events, count, timeout);
}
INTERPOSE int epoll_pwait(int epoll, epoll_event* events, int count, int timeout,
                          const sigset_t* mask) {
  static auto* const next = real<decltype(epoll_pwait)>("epoll_pwait");
  ++costs.epoll_wait;
  return next(epoll, events, count, timeout, mask);
}

void* operator new(std::size_t size) {
  ++costs.allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

/// Passes what it gets to the other side. Pauses and resumes its own side for each message, as a
/// session that waits for a server does.
struct Forward : StreamHandler {
  Stream* to = nullptr;
  void on_bytes(Stream& from, Bytes bytes) override {
    from.pause();
    to->write({&bytes, 1});
    from.resume();
  }
  void on_end(Stream&, const StreamEnd&) override {}
};

}  // namespace

TEST_CASE("a forwarded message costs one recv, one send, its share of a wait, and nothing else") {
  constexpr long messages = 500;
  World world;
  world.tick.stop();
  auto [near_a, far_a] = tcp_pair();
  auto [near_b, far_b] = tcp_pair();
  Forward a, b;
  a.to = world.transport.adopt_fd(near_b.release(), b);
  b.to = world.transport.adopt_fd(near_a.release(), a);
  const int in = far_a.get(), out = far_b.get();
  const std::string text = pattern(100);
  char buffer[256];
  auto one_message = [&](int from, int to) {
    REQUIRE(::send(from, text.data(), text.size(), MSG_NOSIGNAL) == 100);
    world.loop.run_once();
    REQUIRE(::recv(to, buffer, sizeof buffer, MSG_DONTWAIT) == 100);
  };
  one_message(in, out);
  one_message(out, in);
  costs = {};
  for (long i = 0; i < messages; i += 2) {
    one_message(in, out);
    one_message(out, in);
  }
  const Costs seen = costs;
  CHECK(seen.recv == messages);  // the test's own is half of them
  CHECK(seen.send == messages);
  CHECK(seen.epoll_ctl == 0);
  CHECK(seen.epoll_wait > 0);
  CHECK(seen.epoll_wait <= messages);
  CHECK(seen.allocations == 0);
}

TEST_CASE("a pause costs something only if bytes come during it") {
  World world;
  world.tick.stop();
  Recorder handler;
  auto [near, far] = socket_pair();
  Stream* stream = world.transport.adopt_fd(near.release(), handler);
  world.loop.post([] {});
  world.loop.run_once();
  costs = {};
  stream->pause();
  stream->resume();
  world.loop.post([] {});
  world.loop.run_once();
  CHECK(costs.epoll_ctl == 0);
  stream->pause();
  REQUIRE(send_all(far.get(), "x"));
  world.loop.run_once();
  CHECK(costs.epoll_ctl > 0);
}

TEST_CASE("moving a deadline for every message costs nothing") {
  World world;
  Timer timer(world.loop, [] {});
  const Instant start = world.loop.now();
  timer.start_at(start + std::chrono::hours(1));
  costs = {};
  for (int i = 1; i < 1000; ++i) timer.start_at(start + std::chrono::hours(1) + i * 1ms);
  CHECK(costs.allocations == 0);
}
