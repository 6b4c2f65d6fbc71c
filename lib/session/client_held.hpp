// A client that no node can serve at the moment: the primary is down, or there is none. It waits
// until one can: within its pool's line where that has a node with the right role, else in none;
// no longer, and not more of them, than `[failover]` says.
#pragma once
#include <optional>

#include "route/router.hpp"
#include "session/client.hpp"

namespace heim::session {

/// One look at it.
class Client::Held {
 public:
  explicit Held(Client& client) : client_(client) {}

  /// Its node is one that does not do what it asks for. Others may stand in that pool's line.
  bool lacks_role() const;
  /// It is about to join its pool's line. True: it is to stand in none.
  bool looks();
  bool is_in_no_line() const { return client_.held_ && client_.held_->in_no_line; }
  /// Counts what it has sent since.
  void count();
  /// Time passed. True: no other limit of its waiting holds, or it was told that it has waited for
  /// too long.
  bool tick(Instant now);
  /// It got a server, an answer, or left.
  void end();
  /// Where a login waits that no node can serve. Nothing: no node ever will.
  static std::optional<route::Choice> place_to_wait(const Hub& hub);

 private:
  bool lacks_node() const;
  void begin();
  void settle();
  void refuse(std::string_view why);
  pool::Hold::Limits limits() const;

  Client& client_;
};

}  // namespace heim::session
