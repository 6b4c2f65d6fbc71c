// A backend of this process with its connections.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "backend/backend.hpp"
#include "base/log.hpp"
#include "io/fd.hpp"

namespace heim::backend {

class Link;

/// Everything is [any thread].
class Host {
 public:
  /// More connections at one time are refused: some do not return from the backend.
  static constexpr std::size_t most_links = 1000;

  /// `logger` outlives it.
  Host(std::string name, std::unique_ptr<Backend> backend, Logger& logger);
  /// Waits for the backend to return from its calls. The engine has closed its ends before.
  ~Host();

  /// The engine's end of a new connection, which does not block.
  Result<io::Fd> connect();

  // ---- for links -----------------------------------------------------------------
  const std::string& name() const { return name_; }
  Backend& backend() { return *backend_; }
  void cancel(std::uint32_t pid, std::string_view key);
  /// Its thread ends now.
  void ended(bool& free);
  void log(LogLevel level, std::string_view text) const;

 private:
  Link* free_link();

  const std::string name_;
  const std::unique_ptr<Backend> backend_;
  Logger& logger_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Link>> links_;  // kept for the next connection: replies point there
};

}  // namespace heim::backend
