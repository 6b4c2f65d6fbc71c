// Asks Patroni's REST API who belongs to the cluster, on a thread of its own.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace heim::control {

class PatroniPoll {
 public:
  /// The body of GET /cluster, or why there is none. Called on the poll's own thread.
  using Heard = std::function<void(Result<std::string> body)>;

  /// Whether the library was built with an HTTP client.
  static bool available();

  /// Asks the first of `urls` ("http://10.0.0.1:8008") that answers, every `interval`, each for
  /// `timeout` at most.
  PatroniPoll(std::vector<std::string> urls, Duration interval, Duration timeout, Heard heard);
  /// Ends the thread; a request under way is given up.
  ~PatroniPoll();
  PatroniPoll(const PatroniPoll&) = delete;
  PatroniPoll& operator=(const PatroniPoll&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace heim::control
