// The HTTP side of admin_address: requests come whole, within limits. On threads of its own, so
// that a slow reader delays no query.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace heim::admin {

/// Lent for the time of a call.
struct HttpRequest {
  std::string_view method, path = {};
  std::string_view host = {}, content_type = {};  // headers; empty: none was sent
  std::string_view body = {};
  bool local = false;  // it came by an address that is this machine's alone
};

struct HttpAnswer {
  unsigned status = 200;
  std::string_view type = "application/json";  // static text
  std::string body;
  std::string_view allow = {};  // of status 405: the methods; static text
};

class HttpServer {
 public:
  /// Longest body that is taken; a longer one gets status 413.
  static constexpr std::size_t max_body = 64 * 1024;

  /// [any thread] Called on one of the server's threads, which it may block for a while.
  using Handler = std::function<HttpAnswer(const HttpRequest&)>;
  /// Binds `host` (an address or a name) and `port` (0: a free one) and starts serving. An error if
  /// the address cannot be bound, or if the library was built without libmicrohttpd.
  static Result<std::unique_ptr<HttpServer>> start(const std::string& host, std::uint16_t port,
                                                   Handler handler);
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
