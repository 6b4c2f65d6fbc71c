#include "runtime/orders.hpp"

#include "session/hub.hpp"
#include "session/invalidation.hpp"

namespace heim::runtime {

Error no_such_database(const std::string& name) {
  return {"3D000", "no such database: " + name, {}, "SHOW DATABASES and SHOW POOLS list them."};
}

Result<void> invalidate(session::Hub& hub, const admin::Command& command) {
  if (!hub.knows(command.name)) return no_such_database(command.name);
  session::Invalidation invalidation(hub);
  switch (command.invalidate) {
    case admin::Invalidate::all:
      break;
    case admin::Invalidate::database:
      invalidation.database(command.name);
      return {};
    case admin::Invalidate::table:
      return invalidation.table(command.name, command.table);
    case admin::Invalidate::like:
      return invalidation.tables_like(command.name, command.table);
    case admin::Invalidate::query:
      return invalidation.query(command.sql);
  }
  invalidation.everything();
  return {};
}

}  // namespace heim::runtime
