#include "capi/source.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <span>
#include <system_error>
#include <vector>

#include "capi/guard.hpp"

namespace heim::capi {
namespace {

/// No configuration is longer; a device or a wrong file might be.
constexpr std::size_t longest_file = 16u << 20;

class Fd {
 public:
  explicit Fd(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  operator int() const { return fd_; }

 private:
  int fd_;
};

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw Failure(HEIM_SYSTEM, path + ": cannot be read: " + why);
}

/// A buffer that leaves no copy of a password behind when it grows or goes.
class Buffer {
 public:
  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { wipe(bytes_.data(), bytes_.size()); }
  std::size_t size() const { return size_; }
  std::string_view view() const { return {bytes_.data(), size_}; }

  /// At least 4 kB to write to; then added() says how much it was.
  std::span<char> room() {
    if (bytes_.size() - size_ < 4096) {
      std::vector<char> larger(2 * bytes_.size() + 16384);
      std::copy_n(bytes_.begin(), size_, larger.begin());
      bytes_.swap(larger);
      wipe(larger.data(), larger.size());
    }
    return std::span(bytes_).subspan(size_);
  }
  void added(std::size_t count) { size_ += count; }

 private:
  std::vector<char> bytes_;
  std::size_t size_ = 0;
};

void read_file(const std::string& path, Buffer& to) {
  const Fd fd(path);
  if (fd < 0) refuse(path, std::generic_category().message(errno));
  while (to.size() <= longest_file) {
    const std::span<char> room = to.room();
    const ssize_t got = ::read(fd, room.data(), room.size());
    if (got == 0) return;
    if (got < 0 && errno != EINTR) refuse(path, std::generic_category().message(errno));
    if (got > 0) to.added(static_cast<std::size_t>(got));
  }
  refuse(path, "it is longer than 16 MiB");
}

std::optional<std::string> environment(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  return value ? std::optional<std::string>(value) : std::nullopt;
}

}  // namespace

Source Source::file(std::string path) {
  Source source;
  source.path_ = std::move(path);
  return source;
}

Source Source::text(std::string_view text, heim_config_format format) {
  Source source;
  source.text_ = Secret(text);
  source.format_ = format;
  return source;
}

config::LoadResult Source::load() const {
  constexpr std::string_view unnamed = "configuration";
  if (!path_.empty()) {
    Buffer content;
    read_file(path_, content);
    return config::load(content.view(), path_, environment);
  }
  if (format_ == HEIM_CONFIG_TOML) return config::load_toml(text_.view(), unnamed, environment);
  if (format_ == HEIM_CONFIG_JSON) return config::load_json(text_.view(), unnamed, environment);
  return config::load(text_.view(), unnamed, environment);
}

config::LoadResult Source::load_again() const {
  try {
    return load();
  } catch (const Failure& failure) {
    return {config::Loaded(), {config::Diagnostic{{}, 0, 0, {}, failure.what()}}};
  }
}

}  // namespace heim::capi
