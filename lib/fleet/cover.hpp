// What commits waits until every other proxy has heard that it began, or gives nothing out: with
// coherence `strict` the answer to each; with any, what may change objects, before it is sent.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

namespace heim::fleet {

/// Commits are covered in their order. [any thread]
class Cover {
 public:
  using Wake = std::function<void(std::uint64_t token)>;

  /// From here on commits wait. `wake` is called by the fleet's thread, with no lock held.
  void begin(std::uint64_t last_commit, bool strict, Wake wake) {
    covered_ = last_commit;
    wake_ = std::move(wake);
    on_ = true;
    strict_ = strict;
  }
  bool is_on() const { return on_; }
  bool is_strict() const { return strict_; }
  /// True: `token` is woken, once, when the commit is covered. False: it is.
  bool waits(std::uint64_t commit, std::uint64_t token) {
    if (commit <= covered_.load()) return false;
    const std::lock_guard lock(mutex_);
    if (commit <= covered_.load()) return false;
    waiting_.push_back({commit, token});
    return true;
  }
  void advance(std::uint64_t commit) {
    std::vector<Waiting> over;
    {
      const std::lock_guard lock(mutex_);
      covered_ = commit;
      // Not std::ranges': clang 14 cannot read GCC 12's.
      const auto keep =
          std::partition(waiting_.begin(), waiting_.end(),
                         [commit](const Waiting& each) { return each.commit <= commit; });
      over.assign(waiting_.begin(), keep);
      waiting_.erase(waiting_.begin(), keep);
    }
    for (const Waiting& each : over) wake_(each.token);
  }

 private:
  struct Waiting {
    std::uint64_t commit, token;
  };
  bool on_ = false, strict_ = false;  // set before the workers run
  Wake wake_;
  std::atomic<std::uint64_t> covered_{0};
  std::mutex mutex_;
  std::vector<Waiting> waiting_;
};

}  // namespace heim::fleet
