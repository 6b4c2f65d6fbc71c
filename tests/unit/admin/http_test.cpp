#include "admin/http.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string>

using heim::admin::HttpServer;

namespace {

std::string talk(std::uint16_t port, const std::string& request) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::send(fd, request.data(), request.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(request.size()));
  std::string answer;
  char buffer[4096];
  for (ssize_t count; (count = ::recv(fd, buffer, sizeof buffer, 0)) > 0;)
    answer.append(buffer, count);
  ::close(fd);
  return answer;
}

std::string ask(std::uint16_t port, const std::string& line) {
  return talk(port, line + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
}

}  // namespace

TEST_CASE("health, by method, path and state") {
  std::atomic<bool> ready{true};
  auto server = HttpServer::start("127.0.0.1", 0, [&] { return ready.load(); });
  if (!server && server.error().sqlstate == "0A000") return;  // built without HTTP
  REQUIRE(server);
  const std::uint16_t port = (*server)->port();
  struct Case {
    const char* line;
    bool ready;
    const char* status;
  };
  const Case cases[] = {
      {"GET /health", true, "HTTP/1.1 200"},  {"GET /livez", true, "HTTP/1.1 200"},
      {"GET /readyz", true, "HTTP/1.1 200"},  {"HEAD /health", true, "HTTP/1.1 200"},
      {"GET /health", false, "HTTP/1.1 503"}, {"GET /readyz", false, "HTTP/1.1 503"},
      {"GET /livez", false, "HTTP/1.1 200"},  {"DELETE /health", true, "HTTP/1.1 405"},
      {"GET /", true, "HTTP/1.1 404"},        {"GET /metrics/../health", true, "HTTP/1.1 404"},
  };
  for (const Case& each : cases) {
    CAPTURE(each.line);
    ready = each.ready;
    CHECK(ask(port, each.line).starts_with(each.status));
  }
  CHECK(
      talk(port,
           "POST /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc")
          .starts_with("HTTP/1.1 405"));
  // A header that does not end is refused, not kept.
  CHECK_FALSE(talk(port, "GET /health HTTP/1.1\r\nX: " + std::string(100000, 'a') + "\r\n\r\n")
                  .starts_with("HTTP/1.1 200"));
}

TEST_CASE("an address that is taken is an error that names it") {
  auto first = HttpServer::start("127.0.0.1", 0, [] { return true; });
  if (!first) return;
  const auto second = HttpServer::start("127.0.0.1", (*first)->port(), [] { return true; });
  REQUIRE_FALSE(second);
  CHECK(second.error().message.find("cannot listen on 127.0.0.1") != std::string::npos);
}
