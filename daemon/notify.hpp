// What systemd is told (sd_notify(3)).
#pragma once
#include <string>

namespace heim::daemon {

/// A datagram to `socket`, which is what $NOTIFY_SOCKET holds: a path, or "@name" for an abstract
/// one. Null or anything else: there is nobody to tell. `status`, for people, becomes one line.
/// Never blocks; what cannot be sent is lost.
void notify(const char* socket, std::string state, std::string status = {});

}  // namespace heim::daemon
