// The HTTP side of admin_address: is the proxy alive, is it ready. On a thread of its own, so that
// a slow reader delays no query.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"

namespace heim::admin {

class HttpServer {
 public:
  /// Whether sessions are served. [any thread]: called on the server's thread.
  using Ready = std::function<bool()>;
  /// Binds `host` (an address or a name) and `port` (0: a free one) and starts serving GET and HEAD
  /// of /health, /livez and /readyz. An error if the address cannot be bound, or if the library was
  /// built without libmicrohttpd.
  static Result<std::unique_ptr<HttpServer>> start(const std::string& host, std::uint16_t port,
                                                   Ready ready);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::uint16_t port() const;

 private:
  struct Daemon;
  explicit HttpServer(std::unique_ptr<Daemon> daemon);
  std::unique_ptr<Daemon> daemon_;
};

}  // namespace heim::admin
