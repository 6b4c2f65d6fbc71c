#include "log.hpp"

#include <unistd.h>

#include <cerrno>
#include <new>

#include "log_line.hpp"

namespace heim::daemon {
namespace {

/// One write a line, so that lines of several processes do not mix.
void write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written < 0 && errno != EINTR) return;  // nobody to tell it to
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

void Log::write(heim_log_level level, std::string_view text) {
  write_all(log_line(format_, level, text, std::chrono::system_clock::now(), ::getpid()));
}

void Log::callback(const heim_log_line* line, void* log) {
  Log& self = *static_cast<Log*>(log);
  self.set_format(line->format);
  try {
    self.write(line->level, {line->text, line->length});
  } catch (const std::bad_alloc&) {
    // The line is lost; no exception may pass the C ABI.
  }
}

}  // namespace heim::daemon
