// A server that is not PostgreSQL: what a program gives the engine in the place of one.
//
// The engine reaches it by a stream, as it reaches any server: one end of a socket pair. At the
// other end a Link reads what the engine says, on a thread of its own, and calls a Connection.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace heim::backend {

class Link;

/// Names an answer that somebody waits for. Numbers are not used again: what is said to an older
/// one is refused, so that no late answer is taken for another's.
struct Reply {
  Link* link;  // lives as long as its backend
  std::uint64_t number;
};

struct Login {
  std::string user, database;
};

/// What somebody may do with an answer.
enum class Said : std::uint8_t {
  ok,
  closed,     // nobody waits for it (any more)
  misplaced,  // not now: rows before columns, and the like
  malformed,  // no such message; the connection ends by it
  too_large,
};

/// One server connection. Its calls come one after another, on the connection's thread, but for
/// cancel(). That ends before close() begins.
class Connection {
 public:
  virtual ~Connection() = default;
  /// A message of the engine's, whole. `body` is lent.
  virtual void on_message(std::uint8_t tag, Bytes body) = 0;
  /// What runs is not wanted any more. On another thread.
  virtual void cancel() = 0;
  /// The last call.
  virtual void close() = 0;
};

class Backend {
 public:
  virtual ~Backend() = default;
  /// For a login, on the connection's thread. Authentication is over, and parameters were told;
  /// others may follow. The error is what the engine is told.
  virtual Result<std::shared_ptr<Connection>> open(Link& link, const Login& login) = 0;
};

}  // namespace heim::backend
