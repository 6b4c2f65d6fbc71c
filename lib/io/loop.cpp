#include "io/loop.hpp"

#include <uv.h>

#include <system_error>

#include "io/mailbox.hpp"

namespace heim::io {

struct Loop::Handles {
  uv_prepare_t prepare;  // the end of a turn: libuv calls it right before it waits
  uv_idle_t idle;        // while it is active libuv does not wait
};

namespace {
uv_handle_t* as_handle(void* handle) { return static_cast<uv_handle_t*>(handle); }
}  // namespace

Loop::Loop() : uv_(new uv_loop_s), handles_(new Handles) {
  if (const int status = uv_loop_init(uv_.get()); status != 0) {
    throw std::system_error(-status, std::generic_category(), "cannot make an event loop");
  }
  uv_->data = this;
  uv_prepare_init(uv_.get(), &handles_->prepare);
  uv_idle_init(uv_.get(), &handles_->idle);
  uv_prepare_start(&handles_->prepare,
                   [](uv_prepare_t* h) { static_cast<Loop*>(h->loop->data)->finish_turn(); });
  try {
    scratch_.received.reset(new std::uint8_t[Scratch::buffer_size]);
    tasks_ = std::make_unique<Mailbox<std::function<void()>>>(
        *this, [](std::function<void()>&& task) { task(); });
  } catch (...) {
    close_handles();
    throw;
  }
}

Loop::~Loop() {
  tasks_.reset();
  close_handles();
}

void Loop::close_handles() {
  uv_close(as_handle(&handles_->prepare), nullptr);
  uv_close(as_handle(&handles_->idle), nullptr);
  // Runs the close callbacks, and waits for a name look-up that is already on its way.
  while (uv_loop_close(uv_.get()) == UV_EBUSY) uv_run(uv_.get(), UV_RUN_ONCE);
}

void Loop::run() { uv_run(uv_.get(), UV_RUN_DEFAULT); }

void Loop::run_once() { uv_run(uv_.get(), UV_RUN_ONCE); }

void Loop::turn() {
  // Deferred work may defer more, and what is newly watched may be ready. A limit, since two
  // streams could keep each other busy.
  constexpr int rounds = 8;
  for (int i = 0; i < rounds; ++i) {
    due_ = false;
    uv_run(uv_.get(), UV_RUN_NOWAIT);
    if (!deferred_.empty()) finish_turn();
    if (!is_due()) break;
  }
  now_valid_ = false;
}

int Loop::descriptor() const { return uv_backend_fd(uv_.get()); }

Duration Loop::patience() const {
  const int ms = uv_backend_timeout(uv_.get());
  return ms < 0 ? Duration::max() : std::chrono::milliseconds(ms);
}

void Loop::stop() {
  post([this] { uv_stop(uv_.get()); });
}

void Loop::post(std::function<void()> task) { tasks_->push(std::move(task)); }

void Loop::refresh_now() {
  now_ = std::chrono::steady_clock::now();
  now_valid_ = true;
}

void Loop::defer(Deferred& work) {
  if (!deferred_.contains(work)) deferred_.push_back(work);
}

void Loop::cancel(Deferred& work) { deferred_.remove(work); }

void Loop::finish_turn() {
  if (end_of_turn_) end_of_turn_();
  // Only what is queued now: work that defers itself again must not starve the sockets.
  for (std::size_t count = deferred_.size(); count > 0; --count) {
    Deferred* work = deferred_.pop_front();
    if (!work) break;
    work->run_deferred();
  }
  const bool more = !deferred_.empty();
  if (more != spinning_) {
    spinning_ = more;
    more ? uv_idle_start(&handles_->idle, [](uv_idle_t*) {}) : uv_idle_stop(&handles_->idle);
  }
  now_valid_ = false;
}

}  // namespace heim::io
