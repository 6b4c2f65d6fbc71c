// Whether this process is a fork of the one that made it. Asked before each call of a session: a
// system call for that would cost a tenth of an answer from the cache.
#pragma once
#include <sys/types.h>

#include <atomic>
#include <cstdint>

namespace heim::runtime {

class ForkMark {
 public:
  ForkMark() noexcept;
  ~ForkMark();
  ForkMark(const ForkMark&) = delete;
  ForkMark& operator=(const ForkMark&) = delete;

  /// [any thread]
  bool is_foreign() const noexcept;

 private:
  const pid_t process_;
  std::atomic<std::uint32_t>* page_ = nullptr;  // empty in a fork; null: the kernel cannot do that
};

}  // namespace heim::runtime
