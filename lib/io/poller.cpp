#include "io/poller.hpp"

#include <uv.h>

#include <system_error>
#include <utility>

#include "io/loop.hpp"

namespace heim::io {

static_assert(Poller::readable == UV_READABLE && Poller::writable == UV_WRITABLE);

// Outlives its Poller until libuv lets go of the handle: the descriptor may be closed, or be at
// home on another loop, by then.
struct Poller::Handle {
  uv_poll_t uv;
  PollTarget* target;
  unsigned watched = 0;

  static void on_event(uv_poll_t* poll, int status, int events);
  void start(unsigned events);
};

void Poller::Handle::start(unsigned events) {
  watched = events;
  static_cast<Loop*>(uv.loop->data)->set_due();
  if (events == 0) {
    uv_poll_stop(&uv);
  } else {
    uv_poll_start(&uv, static_cast<int>(events), on_event);
  }
}

void Poller::Handle::on_event(uv_poll_t* poll, int status, int events) {
  auto* self = static_cast<Handle*>(poll->data);
  if (status >= 0) return self->target->on_poll(static_cast<unsigned>(events));
  // EPOLLERR: libuv has stopped the handle. Watch again, so that the state is what watched() says.
  self->start(self->watched);
  self->target->on_poll(readable | writable);
}

Poller::Poller(Loop& loop, int fd, PollTarget& target) : handle_(new Handle) {
  handle_->target = &target;
  const int status = uv_poll_init(loop.raw(), &handle_->uv, fd);
  if (status != 0) {
    delete std::exchange(handle_, nullptr);
    throw std::system_error(-status, std::generic_category(), "cannot watch a socket");
  }
  handle_->uv.data = handle_;
  loop.count_watch();
}

Poller::Poller(Poller&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}

Poller& Poller::operator=(Poller&& other) noexcept {
  std::swap(handle_, other.handle_);
  return *this;
}

Poller::~Poller() {
  if (!handle_) return;
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_->uv),
           [](uv_handle_t* handle) { delete static_cast<Handle*>(handle->data); });
}

void Poller::set_target(PollTarget& target) { handle_->target = &target; }

void Poller::watch(unsigned events) {
  if (handle_ && handle_->watched != events) handle_->start(events);
}

unsigned Poller::watched() const { return handle_ ? handle_->watched : 0; }

}  // namespace heim::io
