#include "admin/http.hpp"

#include <microhttpd.h>
#include <netdb.h>

#include <cstring>
#include <string_view>

namespace heim::admin {
namespace {

struct Answer {
  unsigned status;
  std::string_view type;
  std::string_view body;
};

constexpr std::string_view plain = "application/json";
constexpr std::string_view problem = "application/problem+json";

Answer answer_to(std::string_view method, std::string_view path, bool ready) {
  const bool known = path == "/health" || path == "/livez" || path == "/readyz";
  if (!known) return {404, problem, R"({"title":"Not Found","status":404})"};
  if (method != "GET" && method != "HEAD")
    return {405, problem, R"({"title":"Method Not Allowed","status":405})"};
  if (path == "/livez" || ready) return {200, plain, R"({"status":"ok"})"};
  return {503, problem,
          R"({"title":"Service Unavailable","status":503,"detail":"the proxy is shutting down"})"};
}

MHD_Result handle(void* closure, MHD_Connection* connection, const char* url, const char* method,
                  const char* /*version*/, const char* /*upload*/, std::size_t* upload_size,
                  void** seen) {
  // The first call brings the headers only; an answer then would cut off a body that follows.
  static int started;
  if (!*seen) {
    *seen = &started;
    return MHD_YES;
  }
  if (*upload_size > 0) {
    *upload_size = 0;  // a body is of no interest here; the answer comes after its end
    return MHD_YES;
  }
  const auto& ready = *static_cast<HttpServer::Ready*>(closure);
  const Answer answer = answer_to(method, url, ready());
  MHD_Response* response = MHD_create_response_from_buffer(
      answer.body.size(), const_cast<char*>(answer.body.data()), MHD_RESPMEM_PERSISTENT);
  if (!response) return MHD_NO;
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer.type.data());
  MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
  if (answer.status == 405) MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
  const MHD_Result queued = MHD_queue_response(connection, answer.status, response);
  MHD_destroy_response(response);
  return queued;
}

struct AddressFree {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

}  // namespace

struct HttpServer::Daemon {
  Ready ready;
  MHD_Daemon* handle = nullptr;
  ~Daemon() {
    if (handle) MHD_stop_daemon(handle);
  }
};

HttpServer::HttpServer(std::unique_ptr<Daemon> daemon) : daemon_(std::move(daemon)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::start(const std::string& host, std::uint16_t port,
                                                      Ready ready) {
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* raw = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &raw);
  const std::unique_ptr<addrinfo, AddressFree> list(raw);
  if (failed)
    return Error{"08000", "admin_address: " + host + ": " + ::gai_strerror(failed), {}, {}};
  auto daemon = std::make_unique<Daemon>();
  daemon->ready = std::move(ready);
  unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL;
  if (list->ai_family == AF_INET6) flags |= MHD_USE_IPv6;
  daemon->handle =
      MHD_start_daemon(flags, port, nullptr, nullptr, &handle, &daemon->ready, MHD_OPTION_SOCK_ADDR,
                       list->ai_addr, MHD_OPTION_CONNECTION_LIMIT, 100u,
                       MHD_OPTION_CONNECTION_TIMEOUT, 10u, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                       std::size_t{16384}, MHD_OPTION_PER_IP_CONNECTION_LIMIT, 50u, MHD_OPTION_END);
  if (!daemon->handle) {
    return Error{"08000",
                 "admin_address: cannot listen on " + host + ":" + std::to_string(port) + ": " +
                     std::strerror(errno),
                 {},
                 {}};
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(daemon)));
}

std::uint16_t HttpServer::port() const {
  const MHD_DaemonInfo* info = MHD_get_daemon_info(daemon_->handle, MHD_DAEMON_INFO_BIND_PORT);
  return info ? info->port : std::uint16_t{0};
}

}  // namespace heim::admin
