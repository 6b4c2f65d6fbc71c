// What systemd is told (sd_notify(3)): a datagram to the socket that it names.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace heim::daemon {

class Notifier {
 public:
  /// `socket` is what $NOTIFY_SOCKET holds: a path, or "@name" for an abstract one. Null or
  /// anything else: there is nobody to tell, and every call does nothing.
  explicit Notifier(const char* socket);

  /// Never blocks; a datagram that cannot be sent is lost.
  void ready(std::string_view status) const;
  /// `monotonic_us`: now, on CLOCK_MONOTONIC. Then follows ready().
  void reloading(std::uint64_t monotonic_us) const;
  void stopping(std::string_view status) const;

 private:
  void send(std::string_view state) const;
  std::string socket_;
};

}  // namespace heim::daemon
