#include "admin/http.hpp"

#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>

#include <charconv>
#include <cstring>
#include <exception>
#include <string_view>
#include <utility>

namespace heim::admin {
namespace {

struct AddressFree {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

struct Serving {
  HttpServer::Handler handler;
  bool local = false;
};

bool is_loopback(const sockaddr& address) {
  if (address.sa_family == AF_INET6) {
    return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr);
  }
  const auto& four = reinterpret_cast<const sockaddr_in&>(address);
  return address.sa_family == AF_INET && ntohl(four.sin_addr.s_addr) >> 24 == 127;
}

std::string_view header(MHD_Connection* connection, const char* name) {
  const char* value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
  return value ? value : std::string_view();
}

/// Whether its header says that the body is longer than what is taken. No number is no promise.
bool promises_too_much(MHD_Connection* connection) {
  const std::string_view text = header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  return error == std::errc::result_out_of_range || length > HttpServer::max_body;
}

MHD_Result send(MHD_Connection* connection, const HttpAnswer& answer) {
  MHD_Response* response = MHD_create_response_from_buffer(
      answer.body.size(), const_cast<char*>(answer.body.data()), MHD_RESPMEM_MUST_COPY);
  if (!response) return MHD_NO;
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer.type.data());
  MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
  if (!answer.allow.empty())
    MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, answer.allow.data());
  const MHD_Result queued = MHD_queue_response(connection, answer.status, response);
  MHD_destroy_response(response);
  return queued;
}

HttpAnswer too_large() {
  return {413, "application/problem+json",
          R"({"title":"Content Too Large","status":413,"detail":"at most 64 KiB are read"})"};
}

// The first call brings the headers, the following ones pieces of the body, the last one nothing.
MHD_Result take(void* closure, MHD_Connection* connection, const char* url, const char* method,
                const char* /*version*/, const char* upload, std::size_t* upload_size,
                void** seen) {
  if (!*seen) {
    if (promises_too_much(connection)) return send(connection, too_large());
    *seen = new std::string;
    return MHD_YES;
  }
  auto& body = *static_cast<std::string*>(*seen);
  if (*upload_size > 0) {
    if (body.size() + *upload_size > HttpServer::max_body) return MHD_NO;  // it had not said so
    body.append(upload, std::exchange(*upload_size, 0));
    return MHD_YES;
  }
  const auto& daemon = *static_cast<Serving*>(closure);
  return send(connection,
              daemon.handler({.method = method,
                              .path = url,
                              .host = header(connection, MHD_HTTP_HEADER_HOST),
                              .content_type = header(connection, MHD_HTTP_HEADER_CONTENT_TYPE),
                              .body = body,
                              .local = daemon.local}));
}

// Nothing is thrown through C: where memory is short, the connection ends.
MHD_Result handle(void* closure, MHD_Connection* connection, const char* url, const char* method,
                  const char* version, const char* upload, std::size_t* upload_size, void** seen) {
  try {
    return take(closure, connection, url, method, version, upload, upload_size, seen);
  } catch (const std::exception&) {
    return MHD_NO;
  }
}

void forget(void* /*closure*/, MHD_Connection* /*connection*/, void** seen,
            MHD_RequestTerminationCode /*why*/) {
  delete static_cast<std::string*>(std::exchange(*seen, nullptr));
}

}  // namespace

struct HttpServer::Daemon : Serving {
  MHD_Daemon* handle = nullptr;
  ~Daemon() {
    if (handle) MHD_stop_daemon(handle);
  }
};

HttpServer::HttpServer(std::unique_ptr<Daemon> daemon) : daemon_(std::move(daemon)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::start(const std::string& host, std::uint16_t port,
                                                      Handler handler) {
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* raw = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &raw);
  const std::unique_ptr<addrinfo, AddressFree> list(raw);
  if (failed)
    return Error{"08000", "admin_address: " + host + ": " + ::gai_strerror(failed), {}, {}};
  auto daemon = std::make_unique<Daemon>();
  daemon->handler = std::move(handler);
  daemon->local = is_loopback(*list->ai_addr);
  unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL;
  if (list->ai_family == AF_INET6) flags |= MHD_USE_IPv6;
  daemon->handle = MHD_start_daemon(
      flags, port, nullptr, nullptr, &handle, static_cast<Serving*>(daemon.get()),
      MHD_OPTION_SOCK_ADDR, list->ai_addr, MHD_OPTION_THREAD_POOL_SIZE, 2u,
      MHD_OPTION_CONNECTION_LIMIT, 100u, MHD_OPTION_CONNECTION_TIMEOUT, 10u,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, std::size_t{16384}, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
      50u, MHD_OPTION_NOTIFY_COMPLETED, &forget, nullptr, MHD_OPTION_END);
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
