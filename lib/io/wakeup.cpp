#include "io/wakeup.hpp"

#include <uv.h>

#include <system_error>

#include "io/loop.hpp"

namespace heim::io {

// Outlives its Wakeup until libuv lets go of the handle.
struct Wakeup::Handle {
  uv_async_t uv;
  std::function<void()> on_wake;
};

Wakeup::Wakeup(Loop& loop, std::function<void()> on_wake) : handle_(new Handle) {
  handle_->on_wake = std::move(on_wake);
  handle_->uv.data = handle_;
  const int status = uv_async_init(loop.raw(), &handle_->uv, [](uv_async_t* async) {
    static_cast<Handle*>(async->data)->on_wake();
  });
  if (status != 0) {
    delete handle_;
    throw std::system_error(-status, std::generic_category(), "cannot make a wake-up");
  }
}

Wakeup::~Wakeup() {
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_->uv),
           [](uv_handle_t* handle) { delete static_cast<Handle*>(handle->data); });
}

void Wakeup::send() { uv_async_send(&handle_->uv); }

}  // namespace heim::io
