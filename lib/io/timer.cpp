#include "io/timer.hpp"

#include <uv.h>

#include "io/loop.hpp"

namespace heim::io {

// Outlives its Timer until libuv lets go of the handle; so the callback may destroy the Timer.
struct Timer::Handle {
  uv_timer_t uv;
  Loop* loop;
  std::function<void()> on_fire;
  Instant deadline = never;
  Instant alarm = never;  // when libuv will call; at or before the deadline while there is one
  Duration period{0};

  void arm();
  void fire();
};

void Timer::Handle::arm() {
  if (deadline == never || alarm <= deadline) return;
  const Duration left = deadline - loop->now();
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  alarm = deadline;
  uv_timer_start(
      &uv, [](uv_timer_t* timer) { static_cast<Handle*>(timer->data)->fire(); },
      ms > 0 ? static_cast<std::uint64_t>(ms) : 0, 0);
}

void Timer::Handle::fire() {
  alarm = never;
  loop->refresh_now();  // timers run before the wait, when the turn's time is the oldest
  if (deadline > loop->now()) return arm();
  deadline = period > Duration::zero() ? loop->now() + period : never;
  arm();
  on_fire();
}

Timer::Timer(Loop& loop, std::function<void()> on_fire) : handle_(new Handle) {
  handle_->loop = &loop;
  handle_->on_fire = std::move(on_fire);
  uv_timer_init(loop.raw(), &handle_->uv);
  handle_->uv.data = handle_;
}

Timer::~Timer() {
  handle_->deadline = never;
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_->uv),
           [](uv_handle_t* handle) { delete static_cast<Handle*>(handle->data); });
}

void Timer::start_at(Instant deadline) {
  handle_->period = Duration::zero();
  handle_->deadline = deadline;
  handle_->arm();
}

void Timer::start_in(Duration delay) { start_at(handle_->loop->now() + delay); }

void Timer::start_every(Duration period) {
  handle_->period = period;
  handle_->deadline = handle_->loop->now() + period;
  handle_->arm();
}

void Timer::stop() {
  handle_->period = Duration::zero();
  handle_->deadline = never;
}

bool Timer::active() const { return handle_->deadline != never; }

Instant Timer::deadline() const { return handle_->deadline; }

}  // namespace heim::io
