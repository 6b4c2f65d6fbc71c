// What a database is to the clients that ask for it.
#pragma once
#include <string>

#include "config/settings.hpp"

namespace heim::session {

/// How a database name that clients use is served: an entry of the configuration, or the name as it
/// is.
struct DatabaseView {
  std::string name;
  std::string dbname;
  std::string user;  // forced; empty: the client's
  std::string auth_query;
  const config::Database* entry = nullptr;  // valid as long as the rules it came from
  config::Route route = config::Route::primary;
};

}  // namespace heim::session
