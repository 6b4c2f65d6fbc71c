// The addresses of a host name, without holding up the loop.
#pragma once
#include <functional>
#include <string>
#include <vector>

namespace heim::io {

class Loop;

/// Lives on the loop's thread. Destroying it gives up without a call. Has no time-out of its own:
/// whoever waits destroys it.
class LookUp {
 public:
  /// Numeric addresses, at least one; or none and what went wrong. Called from the loop, never from
  /// the constructor; may destroy the LookUp.
  using Done = std::function<void(std::vector<std::string> addresses, const std::string& error)>;

  LookUp(Loop& loop, const std::string& host, Done done);
  ~LookUp();
  LookUp(const LookUp&) = delete;
  LookUp& operator=(const LookUp&) = delete;

 private:
  struct Request;
  Request* request_;
};

}  // namespace heim::io
