// What a client of mode `auto` keeps about what its statements may have changed.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "session/client.hpp"
#include "session/state_probe.hpp"

namespace heim::session {

struct Client::Tracking {
  std::vector<std::string> names;   // set since the server was last asked
  std::vector<std::string> custom;  // of all settings this session has set, those with a dot
  std::vector<std::string> channels;
  std::vector<std::string> reset;        // by name, in this batch, and not set again
  std::vector<std::string> reset_local;  // likewise, until the transaction ends
  // Portals of the extended protocol that reset something the login asked for.
  std::vector<std::pair<std::string, sql::ScriptRef>> resetting;
  std::vector<std::string> mending;  // to be sent before the rest of the batch
  Instant nextval_at{};              // when it last called nextval() or setval()
  sql::Effects unasked = 0;          // of what is over, where the server is kept for good
  bool asked = false;                // the answer is awaited
  sql::Effects asked_effects = 0;
  bool asked_failed = false;  // something did, among what is asked about
  void forget_resets() {
    reset.clear();
    reset_local.clear();
    resetting.clear();
    mending.clear();
  }
  StateQuestion question;
  StateAnswer answer;
};

/// The settings of the login that a statement takes back, in the order they are to be set again.
std::vector<std::string> resets_of(const sql::Statement& statement, const SettingList& startup);

/// Whether a DO is among its statements.
bool has_block(const sql::Script& script);

/// What a text does, and what the words of a DO tell beside.
sql::Effects effects_of(std::string_view text, const sql::Script& script);

/// Whether a text may go back to what the session began with, as far as its own words tell: not
/// what functions do.
bool may_take_back(const sql::Script& script, std::string_view text);

}  // namespace heim::session
