// What a client of mode `auto` keeps about what its statements may have changed.
#pragma once
#include <string>
#include <vector>

#include "session/client.hpp"
#include "session/state_probe.hpp"

namespace heim::session {

struct Client::Tracking {
  std::vector<std::string> names;   // set since the server was last asked
  std::vector<std::string> custom;  // of all settings this session has set, those with a dot
  std::vector<std::string> channels;
  std::vector<std::string> reset;  // by name, in this batch, and not set again
  bool asked = false;              // the answer is awaited
  sql::Effects asked_effects = 0;
  StateQuestion question;
  StateAnswer answer;
};

}  // namespace heim::session
