// Reaches a target: looks its name up, then tries each address in turn until one answers.
#pragma once
#include <sys/socket.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/stream.hpp"
#include "io/fd.hpp"
#include "io/loop.hpp"
#include "io/poller.hpp"
#include "io/socket_options.hpp"
#include "io/timer.hpp"

struct addrinfo;

namespace heim::io {

/// Exactly one of the two calls comes, from the loop, and may destroy the Connector.
class ConnectorOwner {
 public:
  virtual ~ConnectorOwner() = default;
  virtual void on_connector_done(Fd fd, Poller poller) = 0;
  virtual void on_connector_failed(std::string why) = 0;
};

/// Makes a connection to a backend of this process: a stream socket that does not block.
using Dial = std::function<Result<Fd>(std::string_view backend)>;

/// Lives on the loop's thread. Destroying it gives up without a call. The time-out covers the
/// look-up and all addresses; each gets an equal share of what is left, so that a silent one does
/// not starve the next.
class Connector final : PollTarget, Deferred {
 public:
  /// `dial` outlives it; may be empty.
  Connector(Loop& loop, const Target& target, const SocketOptions& options, const Dial& dial,
            ConnectorOwner& owner);
  ~Connector() override;

  /// "10.0.0.1:5432", or "unix": where it is trying, or the target's host and port before that.
  std::string name() const;
  bool is_unix() const { return !target_.host.empty() && target_.host.front() == '/'; }

 private:
  struct Address {
    sockaddr_storage storage;
    socklen_t size;
    sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  };
  struct LookUp;

  void run_deferred() override;
  void on_poll(unsigned events) override;
  void on_timer();
  bool use_dial();
  bool use_unix_path();
  bool use_numeric_address();
  void look_up();
  void on_look_up(int status, addrinfo* found);
  void take(const addrinfo* found);
  void try_next();
  void start_attempt();
  void connect_now();
  void on_connect_result(int error);
  void attempt_failed(const std::string& why);
  void succeed();
  void fail(std::string why);

  Loop& loop_;
  Target target_;
  SocketOptions options_;
  const Dial& dial_;
  ConnectorOwner& owner_;
  Instant deadline_;
  Timer timer_;
  LookUp* look_up_ = nullptr;
  std::vector<Address> addresses_;
  std::size_t next_ = 0;  // the address after the one that is tried
  Instant attempt_deadline_ = never;
  Fd fd_;
  Poller poller_;
  std::string errors_;
};

}  // namespace heim::io
