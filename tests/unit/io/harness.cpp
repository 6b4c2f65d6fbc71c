#include "harness.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

namespace heim::io::test {

bool World::until(const std::function<bool()>& done, Duration limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    loop.run_once();
  }
  return true;
}

void World::turns(int count) {
  for (int i = 0; i < count; ++i) loop.run_once();
}

void Recorder::note(const std::function<void()>& hook) {
  CHECK_FALSE(inside_);
  inside_ = true;
  if (hook) hook();
  inside_ = false;
}

void Recorder::on_connected(Stream&) {
  ++connected;
  note(connected_hook);
}

void Recorder::on_bytes(Stream&, Bytes bytes) {
  CHECK_FALSE(bytes.empty());
  ++chunks;
  received += as_text(bytes);
  note(bytes_hook);
}

void Recorder::on_tls(Stream&, const TlsInfo& info) {
  ++tls_count;
  tls = info;
  note(tls_hook);
}

void Recorder::on_drained(Stream&) {
  ++drained;
  note(drained_hook);
}

void Recorder::on_end(Stream&, const StreamEnd& why) {
  ++ended;
  end = why;
  note(end_hook);
}

void Recorder::write(std::string_view text) {
  const Bytes bytes = as_bytes(text);
  const bool was_inside = std::exchange(inside_, true);
  stream->write({&bytes, 1});
  inside_ = was_inside;
}

std::pair<Fd, Fd> socket_pair() {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
  return {Fd(ends[0]), Fd(ends[1])};
}

std::pair<Fd, Fd> tcp_pair() {
  Fd listening(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* name = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  REQUIRE(::bind(listening.get(), name, size) == 0);
  REQUIRE(::listen(listening.get(), 1) == 0);
  REQUIRE(::getsockname(listening.get(), name, &size) == 0);
  Fd near(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::connect(near.get(), name, size) == 0);
  Fd far(::accept4(listening.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  REQUIRE(far);
  REQUIRE(::fcntl(near.get(), F_SETFL, O_NONBLOCK) == 0);
  return {std::move(near), std::move(far)};
}

bool send_all(int fd, std::string_view text) {
  while (!text.empty()) {
    pollfd ready{fd, POLLOUT, 0};
    if (::poll(&ready, 1, 20'000) != 1) return false;
    const ssize_t sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return false;
    if (sent > 0) text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::string take_available(int fd) {
  std::string text;
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t count = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

bool peer_closed(int fd, std::string* rest) {
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t count = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count == 0) return true;
    if (count < 0) return errno != EAGAIN;
    if (rest) rest->append(buffer.data(), static_cast<std::size_t>(count));
  }
}

std::string pattern(std::size_t size) {
  std::string text;
  text.reserve(size + 16);
  for (std::size_t i = 0; text.size() < size; ++i) {
    text += std::to_string(i);
    text += ' ';
  }
  text.resize(size);
  return text;
}

TempDir::TempDir() {
  std::string name = (std::filesystem::temp_directory_path() / "heim-io-XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  path = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

}  // namespace heim::io::test
