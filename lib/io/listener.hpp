// Accepts connections on one loop.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "base/log.hpp"
#include "base/result.hpp"
#include "io/fd.hpp"
#include "io/listen_socket.hpp"
#include "io/loop.hpp"
#include "io/poller.hpp"
#include "io/timer.hpp"

namespace heim::io {

/// Lives on the loop's thread. The callback may stop(), but not destroy it.
///
/// Out of descriptors it refuses who waits, so that clients do not hang, and rests for a moment
/// instead of spinning.
class Listener final : PollTarget {
 public:
  /// Gets a non-blocking, close-on-exec socket, which is its own from then on: usually to be handed
  /// to SocketTransport::adopt_fd() on some loop.
  using OnAccept = std::function<void(int fd)>;

  /// Accepts from the start. `logger` (optional) outlives the listener.
  Listener(Loop& loop, ListenSocket socket, OnAccept on_accept, Logger* logger = nullptr);
  ~Listener() override;

  /// While it is stopped, clients wait in the kernel's queue.
  void start();
  void stop();
  bool accepting() const { return accepting_; }
  Endpoint endpoint() const { return socket_.endpoint(); }

 private:
  void on_poll(unsigned events) override;
  void refuse_one();
  void rest(int error);

  ListenSocket socket_;
  OnAccept on_accept_;
  Logger* logger_;
  Fd reserve_;  // given up for a moment to accept and refuse a client when no other is free
  Poller poller_;
  Timer rest_;
  bool accepting_ = false;
  bool resting_ = false;
};

}  // namespace heim::io
