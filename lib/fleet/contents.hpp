// Which keys the store holds, as it says itself: what is certainly not there is not asked for.
#pragma once
#include <cstdint>
#include <mutex>
#include <string_view>
#include <vector>

#include "base/hash.hpp"

namespace heim::fleet {

/// Eight bytes a key and as much again. Two keys that meet here cost a question, no more. What was
/// put in a moment ago may not be known yet. [any thread]
class Contents {
 public:
  static constexpr std::size_t most = 1 << 20;  // more are not followed

  /// False: it is certainly not there.
  bool may_hold(std::string_view key) const;
  /// All that is there has been told, or is.
  void complete();
  bool is_complete() const;
  std::size_t size() const;

  void add(std::string_view key);
  void remove(std::string_view key);
  /// Nothing is known any more.
  void lose();

 private:
  static std::uint64_t mark_of(std::string_view key) { return hash128(key, 0).low | 1; }
  std::size_t place(std::uint64_t mark) const;
  void grow();

  mutable std::mutex mutex_;
  bool complete_ = false;
  bool too_many_ = false;
  std::size_t count_ = 0;
  std::vector<std::uint64_t> marks_;  // a power of two, half of them free at least; 0: free
};

}  // namespace heim::fleet
