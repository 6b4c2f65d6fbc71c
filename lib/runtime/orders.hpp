// What an administrator orders that one worker can do for all, from the console and by HTTP.
#pragma once
#include "admin/command.hpp"
#include "base/result.hpp"

namespace heim::session {
class Hub;
}

namespace heim::runtime {

/// INVALIDATE. 3D000, 42P01, 42601: there is no such thing. [the hub's thread]
Result<void> invalidate(session::Hub& hub, const admin::Command& command);

/// 3D000: no database has that name.
Error no_such_database(const std::string& name);

}  // namespace heim::runtime
