// The admin console as a session sees it. What it says is the business of admin/ and runtime/.
#pragma once
#include <memory>
#include <string_view>

#include "base/bytes.hpp"

namespace heim::session {

class Client;

/// One client's conversation with the console, from its greeting on. Writes to the client's stream
/// itself.
class ConsoleTalk {
 public:
  virtual ~ConsoleTalk() = default;
  /// Bytes the client sent. May end the client.
  virtual void feed(Bytes bytes) = 0;
};

/// Opens conversations. [any thread]
class ConsoleDesk {
 public:
  virtual ~ConsoleDesk() = default;
  /// `client` owns the talk. AuthenticationOk is sent; the talk sends parameters and BackendKeyData
  /// (Client::pid and Client::secret) and the first ReadyForQuery. `admin` false: SHOW only.
  virtual std::unique_ptr<ConsoleTalk> open(Client& client, bool admin) = 0;
};

/// The databases that are consoles.
inline bool is_console(std::string_view database) {
  return database == "heimproxy" || database == "pgbouncer";
}

}  // namespace heim::session
