#include "runtime/rest_desk.hpp"

#include <future>
#include <memory>

#include "runtime/engine.hpp"
#include "runtime/orders.hpp"

namespace heim::runtime {

bool RestDesk::is_ready() const { return engine_.is_ready(); }

Result<void> RestDesk::run(const admin::Command& command) {
  if (!is_ready()) return Error{"57P03", "the proxy is shutting down", {}, {}};
  // Who waits may be gone when a busy worker gets to it.
  auto done = std::make_shared<std::promise<Result<void>>>();
  auto outcome = done->get_future();
  engine_.post(0,
               [done, command](session::Hub& hub) { done->set_value(invalidate(hub, command)); });
  if (outcome.wait_for(limit) == std::future_status::ready) return outcome.get();
  return Error{"57014", "the worker was busy for 5 s: it will be done, but not yet", {}, {}};
}

}  // namespace heim::runtime
