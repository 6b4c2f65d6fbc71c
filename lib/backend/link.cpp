#include "backend/link.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

#include "backend/host.hpp"
#include "wire/encoder.hpp"

namespace heim::backend {
namespace {

/// Signals are the program's: none is taken by the threads that are started meanwhile.
class NoSignals {
 public:
  NoSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~NoSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  NoSignals(const NoSignals&) = delete;
  NoSignals& operator=(const NoSignals&) = delete;

 private:
  sigset_t before_;
};

std::string error_message(std::string_view sqlstate, std::string_view message,
                          std::string_view detail = {}) {
  std::string out;
  wire::error(out, {"FATAL", sqlstate, message, detail});
  return out;
}

}  // namespace

Link::Link(Host& host, std::uint32_t pid)
    : host_(host), pid_(pid), event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!event_) throw std::system_error(errno, std::generic_category(), "no eventfd");
}

void Link::join() {
  if (thread_.joinable()) thread_.join();
}

void Link::start(io::Fd fd) {
  join();  // the one before has ended
  {
    const std::lock_guard lock(sending_);
    fd_ = std::move(fd);
  }
  inbox_.clear();
  const NoSignals block;
  thread_ = std::thread([this] { run(); });
  free_ = false;
}

// ---- [any thread] -----------------------------------------------------------------

void Link::cancel(std::uint32_t key) {
  const std::lock_guard lock(canceling_);
  if (key_ != key) return;
  std::shared_ptr<Connection> connection;
  {
    const std::lock_guard found(finding_);
    connection = connection_;
  }
  if (connection) connection->cancel();
}

void Link::cancel() {
  std::uint32_t key;
  {
    const std::lock_guard lock(canceling_);
    key = key_;
  }
  cancel(key);
}

std::shared_ptr<Connection> Link::find(std::uint64_t number) {
  const std::lock_guard lock(finding_);
  return number != 0 && number == number_ ? connection_ : nullptr;
}

// A connection that began since has other numbers.
bool Link::send(std::uint64_t number, Bytes messages) {
  const std::lock_guard lock(sending_);
  return number != 0 && number == number_ && send_now(messages);
}

bool Link::send(Bytes messages) {
  const std::lock_guard lock(sending_);
  return send_now(messages);
}

bool Link::send_now(Bytes messages) {
  while (!messages.empty()) {
    if (!fd_) return false;
    const ssize_t sent = ::send(fd_.get(), messages.data(), messages.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EINTR) return false;
    if (sent > 0) messages = messages.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

void Link::ring() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof one);
}

void Link::abort(std::uint64_t number, std::string_view sqlstate, std::string_view message) {
  const std::string last_words = error_message(sqlstate, message);
  const std::lock_guard lock(sending_);
  if (number == 0 || number != number_) return;
  host_.log(LogLevel::warning, message);
  send_now(as_bytes(last_words));
  if (fd_) ::shutdown(fd_.get(), SHUT_RDWR);
}

// ---- the connection's thread --------------------------------------------------------

bool Link::sleep() {
  pollfd fds[] = {{fd_.get(), POLLRDHUP, 0}, {event_.get(), POLLIN, 0}};
  while (::poll(fds, 2, -1) < 0) {
  }
  std::uint64_t count;
  if (fds[1].revents != 0) return ::read(event_.get(), &count, sizeof count) > 0;
  return false;
}

// What throws here (there is no memory, mostly) ends this connection alone.
void Link::run() {
  try {
    serve();
  } catch (const std::exception& problem) {
    host_.log(LogLevel::error, problem.what());
  }
  end();
  host_.ended(free_);
}

void Link::serve() {
  if (read_startup()) read_messages();
}

bool Link::fill() {
  char buffer[16384];
  ssize_t got;
  do {
    got = ::recv(fd_.get(), buffer, sizeof buffer, 0);
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return false;
  inbox_.append(buffer, static_cast<std::size_t>(got));
  return true;
}

// True: it is logged in.
bool Link::read_startup() {
  for (;;) {
    const Result<std::size_t> length = wire::startup_length(as_bytes(inbox_));
    if (!length) return false;
    if (*length == 0 || inbox_.size() < *length) {
      if (!fill()) return false;
      continue;
    }
    const auto packet = wire::read_startup(as_bytes(inbox_).first(*length));
    inbox_.erase(0, *length);
    if (!packet) return refuse(packet.error()), false;
    if (packet->kind == wire::StartupKind::startup) return log_in(*packet);
    if (packet->kind == wire::StartupKind::cancel) {
      host_.cancel(packet->cancel_pid, packet->cancel_secret);
      return false;
    }
    if (!send(as_bytes("N"))) return false;  // TLS: there is no wire to listen on
  }
}

bool Link::log_in(const wire::StartupPacket& packet) {
  if (!packet.find("replication").empty()) {
    return refuse({"0A000", "a backend has no replication", {}, {}}), false;
  }
  const Login login{std::string(packet.find("user")), std::string(packet.find("database"))};
  greet(login);
  Result<std::shared_ptr<Connection>> opened = host_.backend().open(*this, login);
  if (!opened) return refuse(opened.error()), false;
  {
    const std::lock_guard lock(canceling_);
    const std::lock_guard found(finding_);
    connection_ = *std::move(opened);
    key_ = static_cast<std::uint32_t>(++last_number_);
  }
  std::string out;
  wire::Writer(out, 'K').u32(pid_).u32(key_);
  wire::ready(out, 'I');
  return send(as_bytes(out));
}

// What drivers want to know before anything else.
void Link::greet(const Login& login) {
  const std::pair<std::string_view, std::string> parameters[] = {
      {"application_name", ""},
      {"client_encoding", "UTF8"},
      {"DateStyle", "ISO, MDY"},
      {"default_transaction_read_only", "off"},
      {"in_hot_standby", "off"},
      {"integer_datetimes", "on"},
      {"IntervalStyle", "postgres"},
      {"is_superuser", "off"},
      {"server_encoding", "UTF8"},
      {"server_version", "15.0 (" + host_.name() + ")"},
      {"session_authorization", login.user},
      {"standard_conforming_strings", "on"},
      {"TimeZone", "UTC"},
  };
  std::string out;
  wire::authentication(out, 0);
  for (const auto& [name, value] : parameters) wire::parameter_status(out, name, value);
  send(as_bytes(out));
}

void Link::refuse(const Error& error) {
  send(as_bytes(error_message(error.sqlstate, error.message, error.detail)));
}

void Link::read_messages() {
  for (;;) {
    std::size_t done = 0;
    wire::Header header;
    const Bytes bytes = as_bytes(inbox_);
    for (;;) {
      const wire::Peek peek = wire::peek(wire::Origin::client, bytes.subspan(done), header);
      if (peek == wire::Peek::more) break;
      if (peek != wire::Peek::ok || header.tag == 'X') return;
      if (bytes.size() - done < header.total()) break;
      connection_->on_message(header.tag, bytes.subspan(done + wire::header_size, header.body));
      done += header.total();
    }
    inbox_.erase(0, done);
    if (!fill()) return;
  }
}

void Link::end() {
  number_ = 0;
  ::shutdown(fd_.get(), SHUT_RDWR);  // who waits to send does not any more
  std::shared_ptr<Connection> last;
  {
    const std::lock_guard lock(canceling_);
    {
      const std::lock_guard found(finding_);
      last = std::exchange(connection_, nullptr);
      key_ = 0;
    }
    if (last) last->close();
  }
  const std::lock_guard lock(sending_);
  fd_.reset();
}

}  // namespace heim::backend
