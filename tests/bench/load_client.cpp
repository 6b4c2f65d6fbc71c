#include "load_client.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "frames.hpp"
#include "sockets.hpp"

namespace heim::bench {
namespace {

/// The message and the SQLSTATE of an ErrorResponse.
std::string describe_error(std::string_view body) {
  Reader reader(body);
  std::string text;
  while (reader.left() > 1) {
    const std::string_view field = reader.text();
    if (!field.empty() && (field[0] == 'C' || field[0] == 'M')) {
      text.append(text.empty() ? "" : ": ").append(field.substr(1));
    }
  }
  return text;
}

}  // namespace

void LoadClient::open(int epoll, unsigned spread, std::uint64_t now_ns) {
  due_ns_ = now_ns;
  epoll_ = epoll;
  fd_ = connect_to(options_.port, spread);
  state_ = State::connecting;
  interest_ = EPOLLOUT;
  watch(epoll_, EPOLL_CTL_ADD, fd_, interest_, this);
}

void LoadClient::close(bool politely) {
  if (fd_ < 0) return;
  if (politely) {
    Frame(output_, 'X');
    send();
  }
  ::close(fd_);
  fd_ = -1;
  state_ = State::closed;
  output_.clear();
  partial_.clear();
}

void LoadClient::start(Tags& tags, std::uint64_t due_ns) {
  tags_.resize(options_.pipeline);
  for (std::uint32_t& tag : tags_) tag = tags.next();
  answered_ = step_ = 0;
  rows_ = 0;
  due_ns_ = due_ns;
  state_ = State::busy;
  expect(script_.expected(0));
  script_.append(output_, 0, tags_);
  send();
}

std::uint64_t LoadClient::take_received() { return std::exchange(received_, 0); }

void LoadClient::on_event(std::uint32_t events) {
  if (fd_ < 0) return;
  if (state_ == State::connecting) {
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) on_connected();
    return;
  }
  if ((events & EPOLLOUT) != 0) send();
  if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) receive();
}

void LoadClient::on_connected() {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) wrong(std::string("cannot connect: ") + std::strerror(error));
  state_ = State::login;
  output_ = script_.startup();
  send();
}

void LoadClient::receive() {
  static std::array<char, 256 * 1024> buffer;  // one thread, and never kept past this call
  const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got < 0) wrong(std::string("receive: ") + std::strerror(errno));
  if (got == 0) wrong("the connection was closed");
  received_ += static_cast<std::uint64_t>(got);
  const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
  if (partial_.empty()) return consume(bytes);
  const std::string joined = std::exchange(partial_, {}).append(bytes);
  consume(joined);
}

void LoadClient::consume(std::string_view bytes) {
  while (bytes.size() >= 5) {
    const std::size_t size = std::size_t{get_u32(bytes.data() + 1)} + 1;
    if (size < 5) wrong("a message of an impossible length");
    if (bytes.size() < size) break;
    on_message(bytes[0], bytes.substr(5, size - 5));
    bytes.remove_prefix(size);
  }
  partial_.assign(bytes);
}

void LoadClient::on_message(char type, std::string_view body) {
  if (type == 'N' || type == 'S' || type == 'A') return;  // may come at any time
  if (type == 'E') wrong("error: " + describe_error(body));
  if (state_ == State::login) return on_login_message(type, body);
  advance(type, body);
}

void LoadClient::on_login_message(char type, std::string_view body) {
  if (type == 'R' && Reader(body).u32() != 0) wrong("the server wants a password");
  if (type == 'R' || type == 'K') return;
  if (type != 'Z') wrong("an unexpected message during login");
  if (script_.prepare().empty()) {
    state_ = State::idle;
    return;
  }
  state_ = State::preparing;
  expect(script_.prepare_expected());
  output_ = script_.prepare();
  send();
}

void LoadClient::expect(std::string_view pattern) { expected_ = pattern; }

/// Matches one message with what must come next.
void LoadClient::advance(char type, std::string_view body) {
  if (expected_.empty()) wrong("a message that nobody asked for");
  const char next = expected_.front();
  if (type == 'D' && next == 'D') {
    check_row(body);
    if (options_.mode == Mode::large) return;  // the next may be another row
  } else if (type == 'Z' && (next == 'Z' || next == 'z')) {
    if (body != (next == 'Z' ? "I" : "T")) wrong("ReadyForQuery with the wrong status");
  } else if (options_.mode == Mode::large && next == 'D' && type == 'C') {
    expected_.remove_prefix(1);
    check_end(body);
  } else if (type != next) {
    wrong(std::string("got message '") + type + "' where '" + next + "' must come");
  }
  expected_.remove_prefix(1);
  if (expected_.empty()) answered();
}

/// The first column is the number of the query: an answer of another query's is found here.
void LoadClient::check_row(std::string_view body) {
  Reader reader(body);
  const std::uint16_t columns = reader.u16();
  const std::string_view first = reader.value();
  if (options_.mode == Mode::large) {
    if (columns != 1 || first.size() != options_.width || reader.left() != 0) wrong("a bad row");
    ++rows_;
    return;
  }
  std::uint32_t tag = 0;
  const auto [end, error] = std::from_chars(first.data(), first.data() + first.size(), tag);
  if (columns != 2 || error != std::errc() || end != first.data() + first.size())
    wrong("a bad row");
  reader.value();
  if (!reader.ok() || reader.left() != 0) wrong("a bad row");
  if (tag != tags_[answered_]) {
    wrong("asked for " + std::to_string(tags_[answered_]) + " and was answered " +
          std::to_string(tag));
  }
  ++answered_;
}

void LoadClient::check_end(std::string_view body) {
  if (rows_ != options_.rows) wrong("rows are missing");
  if (Reader(body).text() != "SELECT " + std::to_string(rows_)) wrong("a wrong row count");
}

void LoadClient::answered() {
  if (state_ == State::preparing) {
    state_ = State::idle;
    return;
  }
  if (++step_ == script_.steps()) {
    state_ = State::idle;
    return;
  }
  expect(script_.expected(step_));
  script_.append(output_, step_, tags_);
  send();
}

void LoadClient::send() {
  const ssize_t sent = ::send(fd_, output_.data(), output_.size(), MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) {
    wrong(std::string("send: ") + std::strerror(errno));
  }
  if (sent > 0) output_.erase(0, static_cast<std::size_t>(sent));
  set_interest(output_.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

void LoadClient::set_interest(std::uint32_t interest) {
  if (interest_ == interest) return;
  interest_ = interest;
  watch(epoll_, EPOLL_CTL_MOD, fd_, interest, this);
}

void LoadClient::wrong(std::string_view what) const { throw WrongAnswer(std::string(what)); }

}  // namespace heim::bench
