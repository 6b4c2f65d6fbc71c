// RESET goes back to what the login asked for. The server knows nothing of that where it was
// opened for somebody else: what a RESET took away is set again behind the client's message,
// before the client hears that it is done, and before the server sees anything else of it.
#include <algorithm>

#include "session/client_tracking.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"

namespace heim::session {

namespace {

bool is_identity(std::string_view name) {
  return name == "role" || name == "session_authorization";
}

void take_back_all(std::vector<std::string>& reset, const SettingList& startup, bool acts) {
  for (const auto& [name, value] : startup.items) {
    if (acts || !is_identity(name)) reset.push_back(name);
  }
}

void take_back(std::vector<std::string>& reset, const SettingList& startup,
               const std::string& name) {
  if (startup.find(name)) reset.push_back(name);
  // Who acts goes with who the session is.
  if (name == "session_authorization" && startup.find("role")) reset.emplace_back("role");
}

}  // namespace

// What statements of a batch take back, in order.
void Client::note_resets(const sql::Script& script) {
  if (startup_vars_->items.empty()) return;
  using namespace sql::effect;
  std::vector<std::string>& reset = tracking().reset;
  if (restore_ == Restore::none) reset.clear();
  for (const sql::Statement& statement : script.statements) {
    if ((statement.effects & (resets | all_settings)) == (resets | all_settings)) {
      const bool acts = (statement.effects & role) != 0;  // DISCARD ALL
      take_back_all(reset, *startup_vars_, acts);
    }
    for (const std::string& written : statement.settings) {
      const std::string name = fold(written);
      if (statement.effects & resets) {
        take_back(reset, *startup_vars_, name);
      } else {
        std::erase(reset, name);
      }
    }
  }
  if ((script.effects & resets) != 0 && !reset.empty()) restore_ = Restore::wanted;
}

// Whether a setting that the login asked for was reset, where the server says it is `now`.
bool Client::is_taken_back(const std::string& name, const std::string* now) {
  const std::vector<std::string>& reset = tracking().reset;
  const bool said = std::find(reset.begin(), reset.end(), name) != reset.end();
  // Who acts goes back only where that is said.
  if (is_identity(name)) return said && !now;
  if (!now) return true;
  // A setting that nobody declared is empty then, as it would be if it were set to that.
  const bool perhaps = said || (tracking().asked_effects & sql::effect::suspicious) != 0;
  return perhaps && now->empty() && name.find('.') != std::string::npos;
}

// What a function may have reset is told once that is known.
bool Client::delays_parameter(std::string_view parameter) {
  const bool perhaps = tracks_state() && (effects_ & sql::effect::suspicious) != 0 &&
                       startup_vars_->find(fold(parameter));
  if (restore_ == Restore::none && perhaps) restore_ = Restore::wanted;
  return restore_ != Restore::none;
}

// Nothing overtakes what is to be set again.
bool Client::waits_for_restore(const wire::Header& header) const {
  if (restore_ == Restore::none || !server || server->batch_open) return false;
  return header.tag == 'Q' || header.tag == 'F' || header.tag == 'S' || header.tag == 'P' ||
         header.tag == 'B' || header.tag == 'D' || header.tag == 'E' || header.tag == 'C';
}

// All that was sent is answered, but for ReadyForQuery. True if the end is to be waited for.
bool Client::restores(Server& given, char tx) {
  if (restore_ == Restore::none || given.owes() || given.batch_open) return false;
  if (tx == 'E' || restore_ == Restore::running) return restored(given, tx), false;
  if (tx == 'I' && restore_ == Restore::wanted) {
    // The server knows best. What failed has changed nothing.
    if (given.batch_failed) tracking().reset.clear();
    restore_ = Restore::asked;
    return ask_state(), true;
  }
  if (tx == 'I') {
    restore_startup();
  } else {
    std::string sql;
    for (const std::string& name : tracking().reset) {
      sql += set_statement(name, *startup_vars_->find(name));
    }
    Out out;
    if (!sql.empty()) given.ask(sql, out);
    given.write(out);
  }
  restore_ = Restore::running;
  if (given.owes()) return true;
  restored(given, tx);
  return false;
}

// The client hears of the end of its message.
void Client::restored(Server& given, char tx) {
  restore_ = Restore::none;
  tracking().reset.clear();
  tell_parameters(given);
  std::string ready;
  wire::ready(ready, tx);
  hub.to_client.copy(ready);
  deliver(hub.to_client);
}

// What a RESET took away that the login had asked for comes back.
void Client::restore_startup() {
  if (!server || server->vars == vars) return;
  Out out;
  server->adapt(vars, out);
  server->write(out);
}

}  // namespace heim::session
