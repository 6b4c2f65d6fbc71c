// RESET goes back to what the login asked for. The server knows nothing of that where it was
// opened for somebody else: what a RESET took away is set again behind the client's message,
// before the client hears that it is done, and before the server sees anything else of it.
#include <algorithm>

#include "session/client_tracking.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"
#include "session/statement_text.hpp"

namespace heim::session {

namespace {

bool is_identity(std::string_view name) {
  return name == "role" || name == "session_authorization";
}

// What only the login may set comes first, then who the session is, which takes back who acts.
int rank(std::string_view name) {
  if (name == "role") return 2;
  return name == "session_authorization" ? 1 : 0;
}

}  // namespace

std::vector<std::string> resets_of(const sql::Statement& statement, const SettingList& startup) {
  using namespace sql::effect;
  std::vector<std::string> names;
  if ((statement.effects & resets) == 0) return names;
  if ((statement.effects & all_settings) != 0) {
    const bool acts = (statement.effects & role) != 0;  // DISCARD ALL
    for (const auto& [name, value] : startup.items) {
      if (acts || !is_identity(name)) names.push_back(name);
    }
  }
  for (const std::string& written : statement.settings) {
    const std::string name = fold(written);
    if (startup.find(name)) names.push_back(name);
    // Who acts goes with who the session is.
    if (name == "session_authorization" && startup.find("role")) names.emplace_back("role");
  }
  std::ranges::stable_sort(names, {}, [](const std::string& name) { return rank(name); });
  return names;
}

// The setting of the login that SET LOCAL ... TO DEFAULT takes back; null if it is none.
const std::string* Client::local_reset(const sql::Statement& statement) const {
  constexpr sql::Effects both = sql::effect::local | sql::effect::resets;
  if ((statement.effects & both) != both || !startup_vars_->find(statement.name)) return nullptr;
  return &statement.name;
}

// set_config() with NULL goes back to what the session began with. A Bind that says so is given the
// login's value instead: it is the last of Hub::rewritten then.
bool Client::resets_by_null(const SetConfigs& calls, Bytes in, const wire::Header& header) const {
  if (calls.empty() || !tracks_state() || in.size() < header.total()) return false;
  std::optional<std::string> message =
      with_defaults(in.subspan(wire::header_size, header.body), calls,
                    [&](std::string_view name) { return startup_vars_->find(fold(name)); });
  if (!message) return false;
  wire::message(hub.rewritten.emplace_back(), 'B', *message);
  return true;
}

std::size_t Client::bind_rewritten(const wire::Header& given) {
  const Bytes other = as_bytes(hub.rewritten.back());
  const wire::Header header = wire::header_of(other);
  --pool->meter->total.bind_count;  // it is one
  return bind(other, header) > 0 ? given.total() : 0;
}

// Under the client's own names.
bool Client::own_resets_by_null(Bytes in, const wire::Header& header) {
  const auto given = header.tag == 'B' ? statement_name(in, header) : std::nullopt;
  if (!given) return false;
  if (given->empty()) {
    return statements_.unnamed() && resets_by_null(statements_.unnamed()->set_configs, in, header);
  }
  const OwnName* own = statements_.own.find(*given);
  return own && resets_by_null(own->calls, in, header);
}

// What statements of a batch take back, in order.
void Client::note_resets(std::span<const sql::Statement> statements) {
  if (startup_vars_->items.empty()) return;
  using namespace sql::effect;
  std::vector<std::string>& reset = tracking().reset;
  std::vector<std::string>& local = tracking().reset_local;
  if (!restores_something()) reset.clear(), local.clear();
  sql::Effects effects = 0;
  for (const sql::Statement& statement : statements) {
    effects |= statement.effects;
    const bool back = (statement.effects & resets) != 0;
    for (std::string& name : resets_of(statement, *startup_vars_)) reset.push_back(std::move(name));
    if (const std::string* name = local_reset(statement)) local.push_back(*name);
    if (back) continue;
    for (const std::string& written : statement.settings) std::erase(reset, fold(written));
  }
  if ((effects & resets) != 0 && !(reset.empty() && local.empty())) restore_ = Restore::wanted;
}

bool has_block(const sql::Script& script) {
  return std::ranges::any_of(
      script.statements, [](const sql::Statement& each) { return each.kind == sql::Kind::block; });
}

sql::Effects effects_of(std::string_view text, const sql::Script& script) {
  using namespace sql::effect;
  const bool advances = has_block(script) && has_word(text, {"nextval", "setval"});
  return script.effects | (advances ? advances_sequence | calls_nextval : 0);
}

// What the body of a DO does, as far as its words tell.
void Client::note_block(std::string_view text, const sql::Script& script) {
  if (!has_block(script)) return;
  constexpr sql::Effects advances = sql::effect::advances_sequence | sql::effect::calls_nextval;
  if (const sql::Effects more = effects_of(text, script) & advances) note_sequences(more);
  if (startup_vars_->items.empty() || restores_something()) return;
  if (!may_reset_within(text)) return;
  tracking().reset.clear();
  restore_ = Restore::wanted;
}

// Whether a setting that the login asked for was reset, where the server says it is `now`.
bool Client::is_taken_back(const std::string& name, const std::string* now) {
  // A RESET that is not answered yet is not among what the server has said.
  const std::vector<std::string>& reset = tracking().reset;
  const bool said = restore_ != Restore::wanted && std::ranges::find(reset, name) != reset.end();
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
  if (!restores_something() && perhaps) restore_ = Restore::wanted;
  return delays_ready();
}

// Nothing overtakes what is to be set again.
bool Client::waits_for_restore(const wire::Header& header) const {
  if ((!restores_something() && !cut_) || !server || server->batch_open) return false;
  return header.tag == 'Q' || header.tag == 'F' || header.tag == 'S' || header.tag == 'P' ||
         header.tag == 'B' || header.tag == 'D' || header.tag == 'E' || header.tag == 'C';
}

// All that was sent is answered, but for ReadyForQuery. True if the end is to be waited for.
bool Client::restores(Server& given, char tx) {
  if (!delays_ready() || given.owes() || given.batch_open) return false;
  const bool done = restore_ == Restore::running || !restores_something();
  if (tx == 'E' || done) return restored(given, tx), false;
  if (tx == 'I' && restore_ == Restore::wanted) {
    // The server knows best. What failed has changed nothing.
    if (given.batch_failed) tracking().reset.clear();
    restore_ = Restore::asked;
    return ask_state(), true;
  }
  if (tx == 'T') return restores_in_block(given);
  restore_startup();
  return runs_restore(given, tx);
}

// True if the end is to be waited for.
bool Client::restores_in_block(Server& given) {
  using namespace sql::effect;
  const bool unseen =
      (effects_ & suspicious) != 0 || (!shares_names() && (effects_ & executes) != 0);
  if (restore_ == Restore::wanted && unseen) return ask_in_block(given), true;
  set_again(given);
  return runs_restore(given, 'T');
}

bool Client::runs_restore(Server& given, char tx) {
  restore_ = Restore::running;
  if (given.owes()) return true;
  restored(given, tx);
  return false;
}

void Client::set_again(Server& given) {
  std::string sql;
  for (const std::string& name : tracking().reset) {
    sql += set_statement(name, *startup_vars_->find(name));
  }
  for (const std::string& name : tracking().reset_local) {
    sql += set_statement(name, *startup_vars_->find(name), true);
  }
  Out out;
  if (!sql.empty()) given.ask(sql, out);
  given.write(out);
}

// In a transaction, what a function may have reset is asked for: what the server says besides is
// not certain until the transaction ends.
void Client::ask_in_block(Server& given) {
  Tracking& mine = tracking();
  mine.question = {};
  mine.question.settings = true;
  for (const auto& [name, value] : startup_vars_->items) {
    if (name.find('.') != std::string::npos) mine.question.names.push_back(name);
  }
  mine.answer = {};
  restore_ = Restore::asked_in_block;
  Out out;
  given.ask(mine.question.sql(), out, Reply::probe);
  given.write(out);
}

void Client::answered_in_block(Server& given) {
  Tracking& mine = tracking();
  if (given.in_failed_transaction()) {
    // The client's cancel or time limit has hit what we asked: it is the client's error.
    hub.to_client.copy(given.hidden_error);
    return restored(given, 'E'), on_batch_end();
  }
  const auto has = [](const StateAnswer::Pairs& pairs, const std::string& name) {
    return std::ranges::any_of(pairs, [&](const auto& pair) {
      return pair.first == name && (name.find('.') == std::string::npos || !pair.second.empty());
    });
  };
  // The server knows better than what was said, but for who acts.
  std::erase_if(mine.reset, [](const std::string& name) { return !is_identity(name); });
  for (const auto& [name, value] : startup_vars_->items) {
    const bool set = has(mine.answer.settings, name) || has(mine.answer.values, name);
    if (!set && !is_identity(name)) mine.reset.push_back(name);
  }
  set_again(given);
  restore_ = Restore::running;
  if (given.owes()) return;
  restored(given, 'T');
  on_batch_end();
}

void Client::on_early_ready(Server& given) {
  if (std::exchange(tells_first_, false)) tell_parameters(given);
}

// The server that they were for is gone.
void Client::forget_resets() {
  restore_ = Restore::none;
  tells_first_ = false;
  cut_ = false;
  if (tracking_) tracking_->forget_resets();
}

// Whether a portal was bound that takes back what the login asked for.
bool Client::may_reset() const { return tracking_ && !tracking_->resetting.empty(); }

// The client hears of the end of its message.
void Client::restored(Server& given, char tx) {
  restore_ = Restore::none;
  tracking().reset.clear();
  tracking().reset_local.clear();
  tells_first_ = ends_cut(given);
  if (tells_first_) return;
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
