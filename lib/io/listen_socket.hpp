// Listening sockets: making them, and the path of a unix one.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "io/endpoint.hpp"
#include "io/fd.hpp"
#include "io/socket_options.hpp"

namespace heim::io {

/// How a socket listens.
struct ListenOptions {
  int backlog = 128;
  std::uint32_t unix_mode = 0777;  // permissions of the socket file
  bool reuse_port = false;         // several sockets share an address (SO_REUSEPORT)
  SocketOptions socket;            // accepted sockets inherit them
};

/// A bound, listening socket. A unix socket's file goes with it, if it still is this socket's.
class ListenSocket {
 public:
  /// "host:port". Host: an address ("[::1]"), a name (blocks for the look-up), or "*" for all of v4
  /// and v6. Port 0 takes a free one (the same for each address). Several sockets may come.
  static Result<std::vector<ListenSocket>> open_tcp(const std::string& address,
                                                    const ListenOptions& options);
  /// A file that nobody listens on any more is replaced; anything else at `path` is an error.
  static Result<ListenSocket> open_unix(const std::string& path, const ListenOptions& options);

  ListenSocket(ListenSocket&&) noexcept = default;
  ListenSocket& operator=(ListenSocket&&) = delete;
  ~ListenSocket();

  int fd() const { return fd_.get(); }
  Endpoint endpoint() const { return Endpoint::local_of(fd_.get()); }

 private:
  explicit ListenSocket(Fd fd) : fd_(std::move(fd)) {}

  Fd fd_;
  std::string path_;  // of a unix socket
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace heim::io
