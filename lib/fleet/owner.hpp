// What a fleet asks of the process that it runs in.
#pragma once
#include <cstdint>
#include <string>

#include "base/hash.hpp"

namespace heim::fleet {

class FleetOwner {
 public:
  virtual ~FleetOwner() = default;
  virtual void publish(std::string message) = 0;
  /// What is kept is void, and what is known of the databases' objects.
  virtual void forget() = 0;
  /// A member says that all answers to this statement, whatever its values, are void.
  virtual void forget_query(const Hash128& fingerprint) = 0;
  /// The objects of a database change somewhere: what is known of them is void, and so is what is
  /// asked before the end. As many ends as beginnings.
  virtual void change_begins(const std::string& database) = 0;
  virtual void change_ends(const std::string& database) = 0;
  /// A member is not waited for any more: out of the list, unless it has another run by now.
  virtual void unlist(const std::string& name, std::uint64_t run) = 0;
  /// Messages were lost: leave(), and join() when all is set up anew.
  virtual void lost(const std::string& why) = 0;
  /// [any thread] step() is due.
  virtual void wake() = 0;
};

}  // namespace heim::fleet
