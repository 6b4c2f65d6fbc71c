#include "runtime/steward.hpp"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace heim::runtime {

Steward::Steward() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!event_) throw std::system_error(errno, std::generic_category(), "cannot make an eventfd");
}

Steward::~Steward() { stop(); }

void Steward::start() {
  thread_ = std::thread([this] { run(); });
}

void Steward::stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  wake();
  thread_.join();
}

void Steward::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof one);
}

void Steward::run() {
  struct Round {
    Seat::Care care;
    Instant due{};
  };
  std::vector<Round> rounds(seats_.size());
  std::vector<pollfd> fds(seats_.size() + 1);
  fds.back() = {event_.get(), POLLIN, 0};
  bool woken = true;
  while (!stopping_) {
    Instant next = never;
    const Instant now = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < seats_.size(); ++i) {
      Round& round = rounds[i];
      if (woken || fds[i].revents != 0 || round.due <= now) {
        round.care = seats_[i]->tend();
        round.due = now + round.care.patience;
      }
      fds[i] = {round.care.watch ? seats_[i]->descriptor() : -1, POLLIN, 0};
      next = std::min(next, round.due);
    }
    const Duration left = std::max(Duration(0), next - std::chrono::steady_clock::now());
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    ::poll(fds.data(), fds.size(), static_cast<int>(std::min<std::int64_t>(ms, 1000)));
    woken = fds.back().revents != 0;
    std::uint64_t count;
    if (woken) [[maybe_unused]]
      const ssize_t got = ::read(event_.get(), &count, sizeof count);
  }
}

}  // namespace heim::runtime
