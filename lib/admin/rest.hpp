// What HTTP offers: paths, methods, bodies, answers. No socket, no thread.
//
//   GET  /health, /readyz   200, or 503 while sessions are not served
//   GET  /livez             200
//   POST /cache/invalidate  as INVALIDATE on the console
//
// Each also under /api/v1. Errors are problem+json (RFC 9457), with the SQLSTATE where there is
// one.
#pragma once
#include "admin/command.hpp"
#include "admin/http.hpp"
#include "base/result.hpp"

namespace heim::admin {

/// What it needs of the engine. [any thread]
class RestDesk {
 public:
  virtual bool is_ready() const = 0;
  /// Does it, and waits until it is done. Of verbs, invalidate.
  virtual Result<void> run(const Command& command) = 0;

 protected:
  ~RestDesk() = default;
};

/// What changes something is for who came by a loopback address, by its name or number, with a body
/// of JSON that is said to be JSON: so no page that a browser of this machine shows can ask for it.
HttpAnswer rest(RestDesk& desk, const HttpRequest& request);

}  // namespace heim::admin
