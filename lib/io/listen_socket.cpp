#include "io/listen_socket.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace heim::io {
namespace {

using AddressList = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

Error listen_error(const std::string& where, const std::string& why) {
  return {"F0000", "could not listen on \"" + where + "\": " + why, {}, {}};
}

struct HostPort {
  std::string host;
  std::string port;
};

Result<HostPort> split(const std::string& address) {
  const auto colon = address.rfind(':');
  if (colon == std::string::npos || colon + 1 == address.size()) {
    return listen_error(address, "expected HOST:PORT");
  }
  HostPort parts{address.substr(0, colon), address.substr(colon + 1)};
  if (parts.host.size() >= 2 && parts.host.front() == '[' && parts.host.back() == ']') {
    parts.host = parts.host.substr(1, parts.host.size() - 2);
  }
  return parts;
}

Result<AddressList> look_up(const std::string& address, const HostPort& parts) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  const bool any = parts.host.empty() || parts.host == "*";
  addrinfo* found = nullptr;
  const int status =
      ::getaddrinfo(any ? nullptr : parts.host.c_str(), parts.port.c_str(), &hints, &found);
  if (status != 0) return listen_error(address, ::gai_strerror(status));
  return AddressList(found, ::freeaddrinfo);
}

void set_port(sockaddr& address, std::uint16_t port) {
  if (address.sa_family == AF_INET) reinterpret_cast<sockaddr_in&>(address).sin_port = htons(port);
  if (address.sa_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6&>(address).sin6_port = htons(port);
  }
}

/// On failure the result is empty and errno says why.
Fd bind_tcp(const addrinfo& entry, const ListenOptions& options) {
  Fd fd(::socket(entry.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fd;
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (options.reuse_port) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  // v4 has a socket of its own: no client shows up as ::ffff:10.0.0.1.
  if (entry.ai_family == AF_INET6) {
    ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  apply(options.socket, fd.get(), entry.ai_family);
  if (::bind(fd.get(), entry.ai_addr, entry.ai_addrlen) == 0 &&
      ::listen(fd.get(), options.backlog) == 0) {
    return fd;
  }
  const int error = errno;
  fd.reset();
  errno = error;
  return fd;
}

Result<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return listen_error(path, "the path is too long");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

/// Removes a socket file that nobody listens on.
Result<void> remove_stale(const std::string& path, const sockaddr_un& address) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) {
    return errno == ENOENT ? Result<void>() : listen_error(path, errno_text(errno));
  }
  if (!S_ISSOCK(info.st_mode)) return listen_error(path, "a file that is not a socket is there");
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!probe) return listen_error(path, errno_text(errno));
  const int result =
      ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (result == 0 || errno == EAGAIN) return listen_error(path, "another process listens there");
  if (errno == ENOENT) return {};
  if (errno != ECONNREFUSED) return listen_error(path, errno_text(errno));
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return listen_error(path, errno_text(errno));
  return {};
}

}  // namespace

Result<std::vector<ListenSocket>> ListenSocket::open_tcp(const std::string& address,
                                                         const ListenOptions& options) {
  const auto parts = split(address);
  if (!parts) return parts.error();
  const auto list = look_up(address, *parts);
  if (!list) return list.error();
  const bool any = parts->host.empty() || parts->host == "*";
  std::vector<ListenSocket> sockets;
  std::uint16_t port = 0;
  for (addrinfo* entry = list->get(); entry; entry = entry->ai_next) {
    if (port != 0) set_port(*entry->ai_addr, port);
    Fd fd = bind_tcp(*entry, options);
    // A machine without v6 (or v4) still listens on all it has.
    if (!fd && any && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) continue;
    if (!fd) {
      return listen_error(Endpoint::from(*entry->ai_addr).text(), errno_text(errno));
    }
    sockets.push_back(ListenSocket(std::move(fd)));
    port = sockets.back().endpoint().port();
  }
  if (sockets.empty()) return listen_error(address, "no address of that kind on this machine");
  return sockets;
}

Result<ListenSocket> ListenSocket::open_unix(const std::string& path,
                                             const ListenOptions& options) {
  const auto address = unix_address(path);
  if (!address) return address.error();
  if (auto done = remove_stale(path, *address); !done) return done.error();
  ListenSocket made(Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)));
  if (!made.fd_) return listen_error(path, errno_text(errno));
  const auto* name = reinterpret_cast<const sockaddr*>(&*address);
  if (::bind(made.fd(), name, sizeof *address) != 0) return listen_error(path, errno_text(errno));
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return listen_error(path, errno_text(errno));
  made.path_ = path;
  made.device_ = info.st_dev;
  made.inode_ = info.st_ino;
  // Nobody can connect between bind() and listen(): the permissions are in force from the first
  // client.
  if (::chmod(path.c_str(), options.unix_mode) != 0 || ::listen(made.fd(), options.backlog) != 0) {
    return listen_error(path, errno_text(errno));
  }
  return made;
}

ListenSocket::~ListenSocket() {
  if (!fd_ || path_.empty()) return;
  struct stat info {};
  if (::lstat(path_.c_str(), &info) == 0 && info.st_dev == device_ && info.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
}

}  // namespace heim::io
