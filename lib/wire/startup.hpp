// The packets a connection opens with, before messages have tags.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace heim::wire {

enum class StartupKind : std::uint8_t { startup, ssl, gssenc, cancel };

/// A StartupMessage's parameters in the order they came. Names may repeat; the last one counts.
struct StartupPacket {
  StartupKind kind = StartupKind::startup;
  std::uint32_t version = 0;                                    // startup
  std::vector<std::pair<std::string, std::string>> parameters;  // startup, without `_pq_.` options
  std::vector<std::string> protocol_options;                    // names that start with "_pq_."
  std::uint32_t cancel_pid = 0;                                 // cancel
  std::string cancel_secret;                                    // cancel: 4 to 256 bytes

  std::string_view find(std::string_view name) const;  // empty if absent
};

/// How many bytes the packet at the front has in all: 0 if its first four are not there yet.
/// An error if the length cannot be one of a startup packet. Checked before the body is awaited.
Result<std::size_t> startup_length(Bytes bytes);
/// Reads one whole packet: exactly startup_length() bytes.
Result<StartupPacket> read_startup(Bytes packet);

/// NegotiateProtocolVersion, if the client asked for more than 3.`newest_minor` or for options;
/// else empty.
std::string negotiate(const StartupPacket& packet, std::uint32_t newest_minor);

}  // namespace heim::wire
