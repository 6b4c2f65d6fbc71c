// ListenSocket and Listener.
#include "io/listener.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "harness.hpp"

using namespace heim;
using namespace heim::io;
using namespace heim::io::test;

namespace {

struct Lines : Logger {
  std::vector<std::string> lines;
  void log(LogLevel, std::string_view text) override { lines.emplace_back(text); }
  LogLevel level() const override { return LogLevel::warning; }
};

Fd dial(std::uint16_t port) {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  return fd;
}

std::string why_not(const std::string& address) {
  auto opened = ListenSocket::open_tcp(address, {});
  return opened ? "" : opened.error().message;
}

}  // namespace

TEST_CASE("every address gets the same port") {
  auto all = ListenSocket::open_tcp("*:0", {});
  REQUIRE(bool(all));
  CHECK(all->size() >= 1);
  for (const auto& socket : *all) CHECK(socket.endpoint().port() == all->front().endpoint().port());
  auto v4 = ListenSocket::open_tcp("0.0.0.0:0", {});
  REQUIRE(bool(v4));
  CHECK(v4->size() == 1);
  CHECK(v4->front().endpoint().address_text() == "0.0.0.0");
}

TEST_CASE("what cannot be listened on says why") {
  auto taken = ListenSocket::open_tcp("127.0.0.1:0", {});
  REQUIRE(bool(taken));
  const std::string name = taken->front().endpoint().text();
  CHECK(why_not(name).find("Address already in use") != std::string::npos);
  CHECK(why_not(name).find(name) != std::string::npos);
  CHECK(why_not("127.0.0.1").find("HOST:PORT") != std::string::npos);
  CHECK(why_not("127.0.0.1:").find("HOST:PORT") != std::string::npos);
  CHECK_FALSE(why_not("127.0.0.1:http-nonsense").empty());
  CHECK_FALSE(why_not("no-such-host.invalid:0").empty());
}

TEST_CASE("accepted sockets are ready to use, and inherit the options") {
  World world;
  ListenOptions options;
  options.socket.keepalive_idle = 77s;
  options.socket.user_timeout = 12345ms;
  auto opened = ListenSocket::open_tcp("127.0.0.1:0", options);
  REQUIRE(bool(opened));
  std::vector<Fd> accepted;
  Listener listener(world.loop, std::move(opened->front()),
                    [&](int fd) { accepted.emplace_back(fd); });
  std::vector<Fd> clients;
  for (int i = 0; i < 40; ++i) clients.push_back(dial(listener.endpoint().port()));
  REQUIRE(world.until([&] { return accepted.size() == 40; }));
  auto option = [&](int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    CHECK(::getsockopt(accepted[0].get(), level, name, &value, &size) == 0);
    return value;
  };
  CHECK(option(IPPROTO_TCP, TCP_NODELAY) == 1);
  CHECK(option(SOL_SOCKET, SO_KEEPALIVE) == 1);
  CHECK(option(IPPROTO_TCP, TCP_KEEPIDLE) == 77);
  CHECK(option(IPPROTO_TCP, TCP_USER_TIMEOUT) == 12345);
  char byte;
  CHECK(::recv(accepted[0].get(), &byte, 1, 0) == -1);  // does not block
  CHECK(errno == EAGAIN);
}

TEST_CASE("stops and starts again; who came meanwhile is served then") {
  World world;
  auto opened = ListenSocket::open_tcp("127.0.0.1:0", {});
  REQUIRE(bool(opened));
  std::vector<Fd> accepted;
  Listener listener(world.loop, std::move(opened->front()), [&](int fd) {
    accepted.emplace_back(fd);
    if (accepted.size() == 2) listener.stop();
  });
  std::vector<Fd> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(dial(listener.endpoint().port()));
  REQUIRE(world.until([&] { return accepted.size() == 2; }));
  world.turns(3);
  CHECK(accepted.size() == 2);
  CHECK_FALSE(listener.accepting());
  listener.start();
  CHECK(world.until([&] { return accepted.size() == 5; }));
}

TEST_CASE("out of descriptors: refuses, rests, says so, and goes on afterwards") {
  World world;
  Lines log;
  auto opened = ListenSocket::open_tcp("127.0.0.1:0", {});
  REQUIRE(bool(opened));
  std::vector<Fd> accepted;
  Listener listener(
      world.loop, std::move(opened->front()), [&](int fd) { accepted.emplace_back(fd); }, &log);
  // The address sanitizer needs a descriptor to check a type the first time it sees it: let it see.
  Fd first = dial(listener.endpoint().port());
  REQUIRE(world.until([&] { return accepted.size() == 1; }));
  const auto seen = [](Logger& logger) { return logger.level(); };
  REQUIRE(seen(log) == LogLevel::warning);
  accepted.clear();
  Fd client = dial(listener.endpoint().port()), other = dial(listener.endpoint().port());
  Fd next_free(::dup(0));
  rlimit old{}, low{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &old) == 0);
  low = old;
  low.rlim_cur = static_cast<rlim_t>(next_free.get());
  next_free.reset();
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
  const bool said = world.until([&] { return !log.lines.empty(); });
  world.turns(3);
  const std::size_t accepted_then = accepted.size(), lines_then = log.lines.size();
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &old) == 0);
  CHECK(said);
  CHECK(log.lines[0] == "could not accept a connection: Too many open files");
  CHECK(accepted_then == 0);
  CHECK(lines_then <= 2);  // no spinning
  CHECK(peer_closed(client.get()));
  CHECK(world.until([&] { return accepted.size() + log.lines.size() >= 2; }));
  Fd later = dial(listener.endpoint().port());
  CHECK(world.until([&] { return !accepted.empty(); }));
}

TEST_CASE("a unix socket: permissions, stale file, live file, other file") {
  TempDir dir;
  const std::string path = dir.path + "/.s.PGSQL.6432";
  ListenOptions options;
  options.unix_mode = 0640;
  {
    auto opened = ListenSocket::open_unix(path, options);
    REQUIRE(bool(opened));
    CHECK(opened->endpoint().is_unix());
    struct stat info {};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0640);

    auto second = ListenSocket::open_unix(path, options);
    REQUIRE_FALSE(bool(second));
    CHECK(second.error().message.find("another process listens there") != std::string::npos);
    CHECK(std::filesystem::exists(path));
  }
  CHECK_FALSE(std::filesystem::exists(path));

  {  // what a crashed process leaves
    Fd dead(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(dead.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  REQUIRE(std::filesystem::exists(path));
  {
    auto opened = ListenSocket::open_unix(path, options);
    CHECK(bool(opened));
  }

  std::ofstream(path) << "precious";
  auto refused = ListenSocket::open_unix(path, options);
  REQUIRE_FALSE(bool(refused));
  CHECK(refused.error().message.find("not a socket") != std::string::npos);
  CHECK(std::filesystem::file_size(path) == 8);
  CHECK_FALSE(bool(ListenSocket::open_unix(dir.path + "/" + std::string(200, 'x'), options)));
  CHECK_FALSE(bool(ListenSocket::open_unix(dir.path + "/missing/socket", options)));
}

TEST_CASE("a socket file that was replaced is left to its new owner") {
  TempDir dir;
  const std::string path = dir.path + "/socket";
  {
    auto opened = ListenSocket::open_unix(path, {});
    REQUIRE(bool(opened));
    std::filesystem::rename(path, path + ".old");
    std::ofstream(path) << "new owner";
  }
  CHECK(std::filesystem::exists(path));
}
