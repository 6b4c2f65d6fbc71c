#include "backend/host.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

#include "backend/link.hpp"

namespace heim::backend {
namespace {

Error refusal(std::string message) { return {"08001", std::move(message), {}, {}}; }

}  // namespace

Host::Host(std::string name, std::unique_ptr<Backend> backend, Logger& logger)
    : name_(std::move(name)), backend_(std::move(backend)), logger_(logger) {}

// A connection that cancels looks at the others: all are waited for before one goes.
Host::~Host() {
  for (const auto& link : links_) link->cancel();
  for (const auto& link : links_) link->join();
}

Link* Host::free_link() {
  for (const auto& link : links_) {
    if (link->is_free()) return link.get();
  }
  if (links_.size() == most_links) return nullptr;
  const auto pid = static_cast<std::uint32_t>(links_.size() + 1);
  return links_.emplace_back(std::make_unique<Link>(*this, pid)).get();
}

Result<io::Fd> Host::connect() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return refusal(std::generic_category().message(errno));
  }
  io::Fd ours(ends[0]), theirs(ends[1]);
  ::fcntl(theirs.get(), F_SETFL, O_NONBLOCK);
  try {
    const std::lock_guard lock(mutex_);
    Link* link = free_link();
    if (!link) {
      return refusal("backend " + name_ + " has " + std::to_string(most_links) +
                     " connections that have not ended");
    }
    link->start(std::move(ours));
  } catch (const std::system_error& problem) {
    return refusal("backend " + name_ + ": " + problem.what());
  }
  return theirs;
}

// The list only grows, but it may be moved while it does.
void Host::cancel(std::uint32_t pid, std::string_view key) {
  if (key.size() != 4) return;
  Link* link = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (pid == 0 || pid > links_.size()) return;
    link = links_[pid - 1].get();
  }
  link->cancel(load_be32(as_bytes(key).data()));
}

void Host::ended(bool& free) {
  const std::lock_guard lock(mutex_);
  free = true;
}

void Host::log(LogLevel level, std::string_view text) const {
  logger_.log(level, "backend " + name_ + ": " + std::string(text));
}

}  // namespace heim::backend
