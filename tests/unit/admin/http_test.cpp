#include "admin/http.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

using heim::admin::HttpAnswer;
using heim::admin::HttpRequest;
using heim::admin::HttpServer;

namespace {

std::string talk(std::uint16_t port, const std::string& request) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  // What is refused early is not read to its end.
  std::size_t sent = 0;
  for (ssize_t count;
       sent < request.size() &&
       (count = ::send(fd, request.data() + sent, request.size() - sent, MSG_NOSIGNAL)) > 0;)
    sent += count;
  std::string answer;
  char buffer[4096];
  for (ssize_t count; (count = ::recv(fd, buffer, sizeof buffer, 0)) > 0;)
    answer.append(buffer, count);
  ::close(fd);
  return answer;
}

std::string post(std::uint16_t port, std::size_t size, const std::string& more = {}) {
  return talk(port, "POST /echo HTTP/1.1\r\nHost: here\r\nConnection: close\r\n" + more +
                        "Content-Length: " + std::to_string(size) + "\r\n\r\n" +
                        std::string(size, 'a'));
}

HttpAnswer echo(const HttpRequest& request) {
  std::string body(request.method);
  for (const std::string_view part : {request.path, request.host, request.content_type})
    body.append(" ").append(part);
  body += request.local ? " local " : " far ";
  body += std::to_string(request.body.size());
  return {.status = request.path == "/no" ? 405u : 200u, .body = body, .allow = "GET"};
}

}  // namespace

TEST_CASE("requests come whole, and answers go out") {
  auto server = HttpServer::start("127.0.0.1", 0, echo);
  if (!server && server.error().sqlstate == "0A000") return;  // built without HTTP
  REQUIRE(server);
  const std::uint16_t port = (*server)->port();
  const auto has = [](const std::string& text, const char* part) {
    CAPTURE(text);
    CHECK(text.find(part) != std::string::npos);
  };
  const std::string got =
      talk(port, "GET /a?b=c HTTP/1.1\r\nHost: me:1\r\nConnection: close\r\n\r\n");
  has(got, "HTTP/1.1 200");
  has(got, "Cache-Control: no-store");
  has(got, "GET /a me:1  local 0");
  has(talk(port, "PUT /no HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), "Allow: GET");
  has(post(port, 0), "POST /echo here  local 0");
  has(post(port, 10, "Content-Type: text/x\r\n"), "POST /echo here text/x local 10");
  has(post(port, HttpServer::max_body), "local 65536");
  // Two after one another by one connection.
  const std::string twice = talk(port,
                                 "POST /one HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
                                 "GET /two HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  has(twice, "POST /one x  local 3");
  has(twice, "GET /two x  local 0");
}

TEST_CASE("what is too large is refused, whether it says so or not") {
  auto server = HttpServer::start("127.0.0.1", 0, echo);
  if (!server) return;
  const std::uint16_t port = (*server)->port();
  CHECK(post(port, HttpServer::max_body + 1).starts_with("HTTP/1.1 413"));
  CHECK(talk(port, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n")
            .find(" 200 ") == std::string::npos);
  std::string chunked = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 9; ++i) chunked += "2000\r\n" + std::string(0x2000, 'a') + "\r\n";
  CHECK(talk(port, chunked + "0\r\n\r\n").find(" 200 ") == std::string::npos);
  // A header that does not end is refused, not kept.
  CHECK_FALSE(talk(port, "GET /health HTTP/1.1\r\nX: " + std::string(100000, 'a') + "\r\n\r\n")
                  .starts_with("HTTP/1.1 200"));
  CHECK(post(port, 1).starts_with("HTTP/1.1 200"));
}

TEST_CASE("who listens on all addresses is not local") {
  auto server = HttpServer::start("0.0.0.0", 0, echo);
  if (!server) return;
  CHECK(post((*server)->port(), 1).find(" far 1") != std::string::npos);
}

TEST_CASE("an address that is taken is an error that names it") {
  auto first = HttpServer::start("127.0.0.1", 0, echo);
  if (!first) return;
  const auto second = HttpServer::start("127.0.0.1", (*first)->port(), echo);
  REQUIRE_FALSE(second);
  CHECK(second.error().message.find("cannot listen on 127.0.0.1") != std::string::npos);
}
