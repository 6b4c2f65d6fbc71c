// A lock for a few dozen instructions.
#pragma once
#include <mutex>

namespace heim::cache {

/// Tries for as long as such a section takes before it asks the kernel to wait.
class ShortLock {
 public:
  void lock() {
    for (int i = 0; i < 100; ++i) {
      if (mutex_.try_lock()) return;
      __builtin_ia32_pause();
    }
    mutex_.lock();
  }
  void unlock() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

}  // namespace heim::cache
