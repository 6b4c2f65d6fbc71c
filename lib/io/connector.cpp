#include "io/connector.hpp"

#include <netdb.h>
#include <sys/un.h>
#include <uv.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "io/endpoint.hpp"

namespace heim::io {
namespace {

// A unix socket whose queue is full says so at once, and never when there is room again.
constexpr Duration unix_retry = std::chrono::milliseconds(10);

addrinfo stream_hints(int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  return hints;
}

}  // namespace

// libuv's request: lives until libuv calls back, also when the Connector has gone.
struct Connector::LookUp {
  uv_getaddrinfo_t request;
  Connector* owner;

  static void on_done(uv_getaddrinfo_t* request, int status, addrinfo* found) {
    std::unique_ptr<LookUp> self(static_cast<LookUp*>(request->data));
    std::unique_ptr<addrinfo, decltype(&uv_freeaddrinfo)> list(found, uv_freeaddrinfo);
    if (!self->owner) return;
    self->owner->look_up_ = nullptr;
    self->owner->on_look_up(status, found);
  }
};

Connector::Connector(Loop& loop, const Target& target, const SocketOptions& options,
                     const Dial& dial, ConnectorOwner& owner)
    : loop_(loop),
      target_(target),
      options_(options),
      dial_(dial),
      owner_(owner),
      deadline_(target.connect_timeout > Duration::zero() ? loop.now() + target.connect_timeout
                                                          : never),
      timer_(loop, [this] { on_timer(); }) {
  loop_.defer(*this);
}

Connector::~Connector() {
  loop_.cancel(*this);
  if (!look_up_) return;
  look_up_->owner = nullptr;
  uv_cancel(reinterpret_cast<uv_req_t*>(&look_up_->request));
}

std::string Connector::name() const {
  if (is_unix()) return "unix";
  if (target_.host.starts_with(in_process)) return target_.host;
  if (next_ > 0) return Endpoint::from(*addresses_[next_ - 1].get()).text();
  return target_.host + ':' + std::to_string(target_.port);
}

void Connector::run_deferred() {
  timer_.start_at(deadline_);
  if (use_dial()) return;
  if (use_unix_path()) return;
  if (use_numeric_address()) return try_next();
  look_up();
}

bool Connector::use_dial() {
  const std::string_view host = target_.host;
  if (!host.starts_with(in_process)) return false;
  const std::string_view backend = host.substr(in_process.size());
  Result<Fd> made =
      dial_ ? dial_(backend) : Error{"08001", "there are no backends in this process", {}, {}};
  if (!made) return fail(made.error().message), true;
  fd_ = *std::move(made);
  poller_ = Poller(loop_, fd_.get(), *this);
  return succeed(), true;
}

bool Connector::use_unix_path() {
  if (!is_unix()) return false;
  const std::string path = target_.host + "/.s.PGSQL." + std::to_string(target_.port);
  Address address{};
  auto& un = reinterpret_cast<sockaddr_un&>(address.storage);
  un.sun_family = AF_UNIX;
  if (path.size() >= sizeof un.sun_path) {
    fail("unix socket path \"" + path + "\" is too long");
    return true;
  }
  std::memcpy(un.sun_path, path.c_str(), path.size() + 1);
  address.size = sizeof un;
  addresses_.push_back(address);
  try_next();
  return true;
}

bool Connector::use_numeric_address() {
  const addrinfo hints = stream_hints(AI_NUMERICHOST | AI_NUMERICSERV);
  addrinfo* found = nullptr;
  const std::string port = std::to_string(target_.port);
  if (::getaddrinfo(target_.host.c_str(), port.c_str(), &hints, &found) != 0) return false;
  take(found);
  ::freeaddrinfo(found);
  return true;
}

void Connector::look_up() {
  const addrinfo hints = stream_hints(AI_NUMERICSERV);
  const std::string port = std::to_string(target_.port);
  auto request = std::make_unique<LookUp>();
  request->owner = this;
  request->request.data = request.get();
  const int status = uv_getaddrinfo(loop_.raw(), &request->request, LookUp::on_done,
                                    target_.host.c_str(), port.c_str(), &hints);
  if (status != 0) return on_look_up(status, nullptr);
  look_up_ = request.release();
}

void Connector::on_look_up(int status, addrinfo* found) {
  if (status != 0) {
    return fail("could not translate host name \"" + target_.host +
                "\" to address: " + uv_strerror(status));
  }
  take(found);
  try_next();
}

void Connector::take(const addrinfo* found) {
  for (; found; found = found->ai_next) {
    Address address{};
    address.size = found->ai_addrlen;
    std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
    addresses_.push_back(address);
  }
}

void Connector::try_next() {
  if (next_ == addresses_.size()) return fail(errors_.empty() ? "no address" : errors_);
  const auto left = static_cast<std::int64_t>(addresses_.size() - next_);
  ++next_;
  const Instant now = loop_.now();
  attempt_deadline_ = now + std::max(Duration::zero(), (deadline_ - now) / left);
  start_attempt();
}

void Connector::start_attempt() {
  timer_.start_at(attempt_deadline_);
  const int family = addresses_[next_ - 1].get()->sa_family;
  fd_.reset(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd_) return attempt_failed(errno_text(errno));
  apply(options_, fd_.get(), family);
  connect_now();
}

void Connector::connect_now() {
  const Address& address = addresses_[next_ - 1];
  int result;
  do {
    result = ::connect(fd_.get(), address.get(), address.size);
  } while (result != 0 && errno == EINTR);
  if (result == 0 || errno == EINPROGRESS) {
    poller_ = Poller(loop_, fd_.get(), *this);
    if (result == 0) return succeed();
    return poller_.watch(Poller::writable);
  }
  if (errno == EAGAIN && is_unix()) {
    return timer_.start_at(std::min(attempt_deadline_, loop_.now() + unix_retry));
  }
  attempt_failed(errno_text(errno));
}

void Connector::on_poll(unsigned) {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  error == 0 ? succeed() : attempt_failed(errno_text(error));
}

void Connector::on_timer() {
  const Instant now = loop_.now();
  if (next_ == 0) return fail("time-out while looking up host name \"" + target_.host + '"');
  if (now >= attempt_deadline_) return attempt_failed("time-out");
  connect_now();  // a unix socket whose queue was full
}

void Connector::attempt_failed(const std::string& why) {
  poller_ = Poller();
  fd_.reset();
  if (!errors_.empty()) errors_ += "; ";
  const std::string where =
      is_unix() ? "\"" + target_.host + "/.s.PGSQL." + std::to_string(target_.port) + '"' : name();
  errors_ += "connection to " + where + " failed: " + why;
  try_next();
}

// The owner may destroy *this in these two calls.
void Connector::succeed() { owner_.on_connector_done(std::move(fd_), std::move(poller_)); }

void Connector::fail(std::string why) { owner_.on_connector_failed(std::move(why)); }

}  // namespace heim::io
