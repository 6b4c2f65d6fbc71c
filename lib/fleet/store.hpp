// The store that the members of a fleet share, as sessions see it: answers that another one has
// asked for. What comes from there is believed by Fleet::covers().
#pragma once
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "fleet/parcel.hpp"

namespace heim::fleet {

/// [any thread]
class Store {
 public:
  /// What was asked for.
  struct Found {
    std::optional<Parcel> parcel;
    Duration left{0};  // until it expires
  };
  /// Who asks: for the one that tells it what was found.
  struct Asker {
    std::uint64_t token = 0, number = 0;
  };

  virtual ~Store() = default;
  /// Whether it can be there: not while the store is out of reach, or late, or has said that it
  /// does not have it.
  virtual bool may_hold(std::string_view key) const = 0;
  /// The asker is told what was found, once, within the store's patience.
  virtual void ask(std::string key, const Asker& asker) = 0;
  virtual void put(std::string key, Parcel parcel, Duration ttl) = 0;
  /// For SHOW CACHE.
  virtual std::vector<std::pair<std::string, std::string>> rows() const = 0;

  std::atomic<std::uint64_t> taken{0};  // of what was found, what was believed and told
};

}  // namespace heim::fleet
