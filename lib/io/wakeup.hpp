// The one call into a loop that another thread may make.
#pragma once
#include <functional>

namespace heim::io {

class Loop;

/// Created and destroyed on the loop's thread.
class Wakeup {
 public:
  Wakeup(Loop& loop, std::function<void()> on_wake);
  ~Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;
  /// [any thread] Makes the loop call `on_wake` soon; several calls may become one. Must not race
  /// with the destructor.
  void send();

 private:
  struct Handle;
  Handle* handle_;
};

}  // namespace heim::io
