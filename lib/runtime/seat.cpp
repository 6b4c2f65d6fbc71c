#include "runtime/seat.hpp"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "io/socket_stream.hpp"
#include "runtime/steward.hpp"
#include "runtime/worker.hpp"

namespace heim::runtime {
namespace {

/// How often the steward looks at a seat that callers keep busy, and how long one must be quiet
/// before he watches its descriptor again: they would both wake for each answer.
constexpr Duration sampling = std::chrono::milliseconds(10);
constexpr Duration settling = std::chrono::milliseconds(100);
/// No wait is longer: what else may be missed shows then.
constexpr Duration longest_sleep = std::chrono::seconds(1);

/// What to watch of a server: its answers, unless nobody wants them now, and room for what is sent.
pollfd watch_of(const session::Server* server) {
  if (!server || !server->stream) return {-1, 0, 0};
  const auto& stream = static_cast<const io::SocketStream&>(*server->stream);
  const int answers = server->read_paused ? 0 : POLLIN;
  const int room = stream.backlog() > 0 ? POLLOUT : 0;
  if ((answers | room) == 0) return {-1, 0, 0};
  return {stream.descriptor(), static_cast<short>(answers | room), 0};
}

Instant clock_now() { return std::chrono::steady_clock::now(); }

int timeout_ms(Instant deadline) {
  const Duration left = deadline == never ? longest_sleep : deadline - clock_now();
  const auto limited = std::clamp(left, Duration(0), longest_sleep);
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(limited).count());
}

}  // namespace

Guest::Guest() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!event_) throw std::system_error(errno, std::generic_category(), "cannot make an eventfd");
}

void Guest::ring() {
  if (std::exchange(rung_, true)) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof one);
}

void Guest::quiet() {
  if (!std::exchange(rung_, false)) return;
  std::uint64_t count;
  [[maybe_unused]] const ssize_t got = ::read(event_.get(), &count, sizeof count);
}

// ---- a visit ------------------------------------------------------------------

Seat::Visit::Visit(Seat& seat) : seat_(seat), lock_(seat.mutex_) {
  ++seat.visits_;
  if (seat.worker_) seat.worker_->loop().forget_now();
}

Seat::Visit::~Visit() { seat_.settle(); }

session::Hub* Seat::Visit::hub() const { return seat_.worker_ ? &seat_.worker_->hub() : nullptr; }

bool Seat::Visit::sleep(Guest& guest, Instant deadline) noexcept {
  guest.went_on_ = false;
  seat_.settle();
  if (guest.went_on_) return true;  // what it waits for came by this: nothing else would wake it
  guest.quiet();
  guest.watched_ = guest.server_id();
  std::array<pollfd, 2> fds{pollfd{guest.descriptor(), POLLIN, 0}, watch_of(guest.server())};
  guest.sleeps_ = true;
  seat_.sleepers_.push_back(guest);
  lock_.unlock();
  const bool came = ::poll(fds.data(), fds.size(), timeout_ms(deadline)) > 0;
  lock_.lock();
  seat_.sleepers_.remove(guest);
  guest.sleeps_ = false;
  guest.quiet();
  ++seat_.visits_;
  seat_.stirred_.remove(guest);
  if (seat_.worker_) seat_.worker_->loop().forget_now();
  if (came && fds[1].revents != 0) seat_.look(guest, fds[1].revents);
  seat_.settle();
  guest.go_on();
  return came;
}

// ---- under the lock -----------------------------------------------------------

void Seat::stir(Guest& guest) {
  if (!stirred_.contains(guest)) stirred_.push_back(guest);
}

void Seat::forget(Guest& guest) {
  stirred_.remove(guest);
  sleepers_.remove(guest);
}

void Seat::begin_async() {
  ++async_;
  if (!watched_) steward_.wake();
}

// What the guest was woken for, without a turn of the whole loop: that would be one more system
// call, and others' answers are for others' threads.
void Seat::look(Guest& guest, short revents) {
  if (!worker_ || guest.server_id() != guest.watched_ || !guest.server()) return;
  auto* stream = static_cast<io::SocketStream*>(guest.server()->stream);
  if (!stream) return;
  const bool odd = (revents & (POLLERR | POLLHUP)) != 0;
  unsigned events = 0;
  if (odd || (revents & POLLIN)) events |= io::Poller::readable;
  if (odd || (revents & POLLOUT)) events |= io::Poller::writable;
  stream->look(events);
}

void Seat::tell(Guest& guest) {
  if (guest.sleeps_) return guest.ring();
  guest.went_on_ = true;
  guest.go_on();
}

// What a stay has brought about: asked of the kernel, told to those whom it concerns.
void Seat::settle() noexcept {
  constexpr int rounds = 8;
  for (int i = 0; i < rounds; ++i) {
    if (worker_ && worker_->loop().is_due()) worker_->loop().turn();
    while (Guest* guest = stirred_.pop_front()) tell(*guest);
    if (!worker_ || !worker_->loop().is_due()) break;
  }
  wake_sleepers();
  if (worker_) note_watches();
}

// Whose server is another now watches the wrong socket.
void Seat::wake_sleepers() {
  for (Guest* guest = sleepers_.front(); guest; guest = sleepers_.next(*guest)) {
    if (guest->server_id() != guest->watched_) guest->ring();
  }
}

// New connections, and what could not be done in time, are for the steward to see through.
void Seat::note_watches() {
  io::Loop& loop = worker_->loop();
  const bool opens = std::exchange(watches_seen_, loop.watches()) != loop.watches();
  if (opens) busy_until_ = clock_now() + settling;
  if ((opens && !watched_) || loop.is_due()) steward_.wake();
}

void Seat::retire() {
  const std::lock_guard lock(mutex_);
  worker_ = nullptr;
  for (Guest* guest = sleepers_.front(); guest; guest = sleepers_.next(*guest)) guest->ring();
}

// ---- the steward's part -------------------------------------------------------

Seat::Care Seat::tend() noexcept {
  const std::lock_guard lock(mutex_);
  if (!worker_) return {false, longest_sleep};
  worker_->loop().forget_now();
  worker_->loop().turn();
  settle();
  const bool calm = std::exchange(visits_seen_, visits_) == visits_;
  watched_ = calm || async_ > 0 || clock_now() < busy_until_;
  const Duration patience = std::clamp(worker_->loop().patience(), Duration(0), settling);
  return {watched_, watched_ ? patience : std::min(patience, sampling)};
}

}  // namespace heim::runtime
