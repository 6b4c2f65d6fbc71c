#include "runtime/worker.hpp"

namespace heim::runtime {
namespace {

// What a stream does before a session takes it over: nothing comes then.
class Nobody final : public StreamHandler {
 public:
  void on_bytes(Stream&, Bytes) override {}
  void on_end(Stream& stream, const StreamEnd&) override { stream.close(); }
};

Nobody nobody;

io::SocketOptions socket_options(const config::Proxy& proxy) {
  io::SocketOptions options;
  options.keepalive = proxy.tcp_keepalive;
  options.keepalive_idle = proxy.tcp_keepidle;
  options.keepalive_interval = proxy.tcp_keepintvl;
  options.keepalive_count = proxy.tcp_keepcnt;
  options.user_timeout = proxy.tcp_user_timeout;
  return options;
}

}  // namespace

Worker::Worker(pool::WorkerId id, session::Shared& shared, const Rules& rules,
               session::ConsoleDesk* desk, std::function<void()> on_end)
    : clock_(loop_),
      transport_(loop_, socket_options(rules.session->settings.proxy)),
      hub_(id, shared, transport_, clock_, rules.session, desk),
      mail_(loop_, [this](Work&& work) { work(hub_); }),
      timer_(loop_, [this] { tick(); }),
      on_end_(std::move(on_end)) {
  transport_.set_tls(rules.client_tls, rules.server_tls);
}

Worker::~Worker() { join(); }

void Worker::listen(io::ListenSocket socket, std::function<void(int fd)> take) {
  listeners_.push_back(std::make_unique<io::Listener>(loop_, std::move(socket), std::move(take),
                                                      &hub_.shared.logger));
}

void Worker::start() {
  timer_.start_every(std::chrono::milliseconds(100));
  thread_ = std::thread([this] { loop_.run(); });
}

void Worker::start_seated(sql::ParserHost& parser) {
  hub_.analysis.set_host(&parser);
  timer_.start_every(std::chrono::milliseconds(100));
}

void Worker::join() {
  if (!thread_.joinable()) return;
  loop_.stop();
  thread_.join();
}

void Worker::accept(int fd) { hub_.accept(*transport_.adopt_fd(fd, nobody)); }

void Worker::set_rules(const Rules& rules) {
  transport_.set_tls(rules.client_tls, rules.server_tls);
  transport_.set_socket_options(socket_options(rules.session->settings.proxy));
  hub_.set_rules(rules.session);
}

void Worker::shutdown(session::Operator::Shutdown how) {
  // Closed, not paused: a client that comes now is refused at once instead of left in a queue.
  listeners_.clear();
  hub_.shutdown(how);
  check_end();
}

void Worker::tick() {
  hub_.tick();
  check_end();
}

// The last words to clients are given a moment to arrive.
void Worker::check_end() {
  if (ended_ || !hub_.is_done()) return;
  if (linger_until_ == never) {
    linger_until_ = clock_.now() + std::chrono::seconds(2);
    hub_.close_servers();
  }
  if (transport_.stream_count() > 0 && clock_.now() < linger_until_) return;
  ended_ = true;
  on_end_();
}

}  // namespace heim::runtime
