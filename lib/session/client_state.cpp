// Mode `auto`: what statements do to their session follows the client from server to server, and
// what cannot be moved keeps the client on its server for as long as it is there.
//
// The text says what a statement may do (sql/); what it did, the server is asked once the
// transaction is over (state_probe). Until then the client keeps the server.
#include <algorithm>

#include "session/client_tracking.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"
#include "session/statement_text.hpp"

namespace heim::session {
namespace {

using namespace sql::effect;

// What has to be asked for before the server may go to somebody else.
constexpr sql::Effects changes = settings | all_settings | role | suspicious | temp | hold |
                                 advisory_lock | prepares | deallocates | listens | unlistens |
                                 discards;
// What may end a hold.
constexpr sql::Effects may_end_hold = lets_go | suspicious | discards | deallocates;
// Custom settings that one client may have made; they are asked for by name.
constexpr std::size_t custom_limit = 256;

// The server of a client that does this is its own from then on.
constexpr std::string_view no_own_names =
    "this READ ONLY transaction runs on a standby, where SQL cannot name statements of the "
    "protocol";

// Whether it makes or changes something that others can use, which may leave something behind.
bool makes_objects(const sql::Statement& statement) {
  const bool drops = statement.kind == sql::Kind::ddl && (statement.effects & lets_go) != 0;
  return (statement.effects & changes_catalog) != 0 && (statement.effects & temp) == 0 && !drops;
}

bool takes_back(const sql::Script& script) {
  return std::ranges::any_of(script.statements, [](const sql::Statement& each) {
    return each.kind == sql::Kind::rollback || each.kind == sql::Kind::rollback_to;
  });
}

}  // namespace

template <>
void Client::Deleter<Client::Tracking>::operator()(Tracking* tracking) const {
  delete tracking;
}

Client::Tracking& Client::tracking() {
  if (!tracking_) tracking_.reset(new Tracking);
  return *tracking_;
}

// What was sent that may have changed the session since the server last said what it is.
sql::Effects Client::open_effects() const {
  if (!tracking_) return effects_;
  return effects_ | tracking_->unasked | (tracking_->asked ? tracking_->asked_effects : 0u);
}

std::string_view Client::hold_reason() const {
  const std::size_t at = first_reason(holds_);
  return at < hold_reasons.size() ? hold_reasons[at].text : std::string_view();
}

void Client::hold_server(Holds why) {
  const Holds more = why & static_cast<Holds>(~holds_);
  holds_ |= why;
  pinned = hold_reason();
  for (std::size_t i = 0; i < hold_reasons.size(); ++i)
    hub.holds[i] += (hold_reasons[i].bit & more) != 0;
  if ((more & ~hold_nextval) == 0 || pin_told_) return;
  pin_told_ = true;
  tell_hold();
}

// Once a client, to those who run the proxy, and to the client itself where they want that.
void Client::tell_hold() {
  const bool warns = hub.settings().proxy.on_unsupported == config::OnUnsupported::warn;
  const LogLevel level = warns ? LogLevel::warning : LogLevel::info;
  if (hub.logs(level)) {
    hub.log(level, "client " + database_name + "/" + user +
                       " keeps its server between transactions: " + std::string(pinned));
  }
  // Within a message of the server's there is no room for one of ours.
  if (!warns || !server || server->in_message()) return;
  std::string notice;
  const std::string text = "this session keeps its server between transactions: ";
  wire::error(notice, {"WARNING", "01000", text + std::string(pinned)}, 'N');
  hub.to_client.copy(notice);
}

// ---- what it sends ---------------------------------------------------------------

Client::Way Client::look_at_query(Bytes in, const wire::Header& header) {
  if (header.tag == 'F' || in.size() < header.total()) {
    // A function, by its number; or a text that is too long to be looked at.
    effects_ |= suspicious;
    reading_.turn();
    return Way::go;
  }
  const std::string_view text = query_text(in.first(header.total()));
  const sql::ScriptRef script = hub.script(text);
  if (refuses(*script)) return refuse_statement(*script), Way::refused;
  const bool mixes = shares_names() && mixes_names(*script, {});
  if (!make_way(effects_of(text, *script), mixes)) return Way::wait;
  if (mixes && reads_elsewhere_) return Way::refused;
  note(*script);
  note_block(text, *script);
  return Way::go;
}

// What the text alone says to keep the server.
Holds Client::sure_hold(sql::Effects effects) const {
  Holds holds = 0;
  if (effects & loads) holds |= hold_load;
  if (effects & seeds) holds |= hold_seed;
  if (effects & own_server) holds |= hold_own;
  if (effects & sql::effect::hold) holds |= hold_cursor;
  if ((effects & advisory_lock) && !(effects & lets_go)) holds |= hold_lock;
  // In a transaction it may be gone before that ends.
  if ((effects & temp) && !server->in_transaction()) holds |= hold_temp;
  return holds;
}

bool Client::refuses(const sql::Script& script) const {
  return hub.settings().proxy.on_unsupported == config::OnUnsupported::error &&
         sure_hold(script.effects) != 0;
}

// In the place of the server's answer.
void Client::refuse_statement(const sql::Script& script) {
  const std::size_t reason = first_reason(sure_hold(script.effects));
  poison("0A000", "this statement would keep its server for this session: " +
                      std::string(hold_reasons[reason].text));
}

// A Bind message that begins a batch. False if it has to wait.
bool Client::look_at_bind(Bytes in, const wire::Header& header) {
  if (!listening_ || header.tag != 'B' || server->batch_open) return true;
  wire::Fields fields(in.subspan(wire::header_size));
  fields.string();
  const std::string_view given = fields.string();
  if (!fields.ok()) return true;
  const StatementRef statement = given.empty() ? statements_.unnamed() : statements_.find(given);
  if (!statement) return true;
  find_script(*statement);
  if (!takes_channels_back(statement->script->effects)) return true;
  wait_for_outcome();
  return false;
}

// Does what a batch wants done before it begins. False if it has to wait for that.
bool Client::make_way(sql::Effects effects, bool mixes) {
  // Each try may bring one that others have used: it goes by turns.
  constexpr std::uint8_t tries = 3;
  const bool change = (effects & own_server) != 0 && new_servers_ < tries && may_change_server();
  if ((mixes || change) && server->owes()) return wait_for_outcome(), false;
  if (takes_channels_back(effects)) return wait_for_outcome(), false;
  if (change) return change_server(), false;
  if (mixes && reads_elsewhere_) return poison("25006", std::string(no_own_names)), true;
  if (mixes) keep_own_names();
  if (minds_sequences(effects)) server->forget_sequences(hub.to_server);
  return true;
}

// Whether another server would do as well: nothing of the session is on this one alone.
bool Client::may_change_server() const {
  const bool known = holds_ == 0 && (effects_ & changes) == 0;
  return server->used && known && !server->in_transaction() && !server->batch_open;
}

// To a new one, whose process nobody has used, where there is room for it.
void Client::change_server() {
  ++new_servers_;
  effects_ = 0;
  server->close_when_idle = true;
  release_server();
  apply(ClientEvent::queued);
  ticket_.wants_new = true;
  wait_start_ = ticket_.since = hub.now();
  join_line();
}

// A Parse message whose statement will be bound unseen.
void Client::note_parse(Bytes in, const wire::Header& header) {
  if (header.tag != 'P' || in.size() < header.total()) return;
  wire::Fields fields(in.subspan(wire::header_size, header.body));
  const std::string_view name = fields.string();
  const std::string_view text = fields.string();
  if (!fields.ok()) return;
  note(*hub.analysis.find(text));
  if (name.empty()) note_own(name, text);  // it stands for nothing else, whatever comes of this
}

void Client::find_script(Statement& statement) const {
  if (!statement.script) statement.script = hub.analysis.find(statement.text());
}

void Client::note(const sql::Script& script) {
  if (odd_strings_) effects_ |= suspicious;
  if (pool->catalog_version != hub.shared.catalogs.version()) pool->look_at_catalog();
  effects_ |= script.effects & ~changes_catalog;
  if ((script.effects & (all_settings | local)) != 0) note_reading(script);
  // What is taken back, too.
  if (reading_.is_open() && (script.effects & transaction) != 0) {
    ++reading_.round;
    reading_.epoch += takes_back(script);
  }
  if ((script.effects & suspicious) != 0) reading_.turn();
  constexpr sql::Effects rare =
      settings | executes | loads | seeds | changes_catalog | own_server | deallocates;
  if ((script.effects & rare) != 0) note_rare(script);
  if (listening_) note_channels(script);
  if ((script.effects & (advances_sequence | reads_sequence)) != 0) note_sequences(script.effects);
  if ((script.effects & pool->catalog_watch) != 0) note_objects(script);
}

void Client::note_reading(const sql::Script& script) {
  reading_.turn();
  if (script.effects & all_settings) reading_.changed = reading_.unreported = true;
  for (const sql::Statement& statement : script.statements) {
    reading_.local |= (statement.effects & local) != 0 && guides_parsing(statement.name);
    reading_.unreported |= (statement.effects & local) != 0 && guides_unreported(statement.name);
  }
}

// currval() and lastval() tell what earlier statements did on this very server. Where they are in
// use, who may need them keeps its server.
void Client::note_sequences(sql::Effects effects) {
  if (effects & reads_sequence) pool->record.sequences_read(hub.now());
  if (pool->record.reads_sequences(hub.now())) hold_server(hold_sequence);
  if (effects & advances_sequence) server->advances_sequence(id);
  if ((effects & calls_nextval) == 0) return;
  tracking().nextval_at = hub.now();
  // Two workers may count one call: so be it.
  if (pool->record.never_reads_sequences()) return;
  pool->record.nextvals.fetch_add(1, std::memory_order_relaxed);
  hold_server(hold_nextval);
}

// Who calls nextval() by name may ask for its value next, and only this server knows it. Where that
// is not seen to happen, or not soon, others need not wait.
void Client::let_sequence_go() {
  if ((holds_ & hold_nextval) == 0) return;
  const pool::Record& record = pool->record;
  if (holds_ & hold_for_ever) {
    holds_ &= static_cast<Holds>(~hold_nextval);
    return;
  }
  // By others; or by a standby, for its reads.
  const bool wanted = record.waiters.load(std::memory_order_relaxed) != 0 || hub.guide.on();
  const bool late = hub.now() - tracking().nextval_at > std::chrono::seconds(1);
  if (!record.never_reads_sequences() && !(wanted && late)) return look_again();
  holds_ &= static_cast<Holds>(~hold_nextval);
  pinned = hold_reason();
}

// Whether a statement would see what another client's did to sequences; or a later one would,
// beside what this one does. What setval() leaves as it was, lastval() tells.
bool Client::minds_sequences(sql::Effects effects) const {
  // While the catalog is not known, everything is suspicious.
  const sql::Effects minds = reads_sequence | calls_nextval | (pool->catalog ? suspicious : 0);
  return (effects & minds) != 0 && server->has_foreign_sequences(id);
}

// What the database's own functions, triggers and views do to the session.
void Client::note_objects(const sql::Script& script) {
  const bool known = pool->catalog && (effects_ & changes_catalog) == 0;
  if (known && !pool->catalog->is_suspicious(script)) return;
  effects_ |= suspicious;
  reading_.turn();
}

void Client::note_rare(const sql::Script& script) {
  if (script.effects & loads) hold_server(hold_load);
  if (script.effects & seeds) hold_server(hold_seed);
  if ((script.effects & own_server) && !reads_elsewhere_) hold_server(hold_own);
  for (const sql::Statement& statement : script.statements) {
    for (const std::string& name : statement.settings) note_setting(name);
    for (const std::string& name : statement.executes) note_execute(name);
    if (makes_objects(statement)) effects_ |= changes_catalog;
    const bool frees_name = (statement.effects & deallocates) != 0 && !shares_names();
    if (frees_name) statements_.erase(statement.name);  // see client_absent.cpp
  }
}

// What EXECUTE does is what the statement does that was prepared.
void Client::note_execute(const std::string& name) {
  const std::string* text = vars->find(statement_item(name));
  if (text) return note(*sql::analyse_prepared(*text, hub.analysis.host()));
  effects_ |= suspicious;
  reading_.turn();
}

void Client::note_setting(const std::string& written) {
  Tracking& mine = tracking();
  // One that nobody declared is called what it was first called.
  const auto same = [&](const std::string& one) { return fold(one) == fold(written); };
  const auto known = std::ranges::find_if(mine.custom, same);
  const std::string& name = known == mine.custom.end() ? written : *known;
  const auto add = [&](std::vector<std::string>& list) {
    if (std::find(list.begin(), list.end(), name) == list.end()) list.push_back(name);
  };
  if (is_ascii(name)) add(mine.names);
  if (guides_parsing(name)) reading_.changed = true, reading_.turn();
  reading_.unreported |= guides_unreported(name);
  // From here on a text may mean something else than it was read as.
  odd_strings_ |= name == "standard_conforming_strings" || name == "backslash_quote";
  if (name.find('.') == std::string::npos) return;
  if (!is_ascii(name)) return hold_server(hold_encoding);  // it cannot be asked for
  if (mine.custom.size() < custom_limit) return add(mine.custom);
  hold_server(hold_unknown);
}

// ---- the server is asked ---------------------------------------------------------

// Whether the server's state is this client's `vars`. If not, the server is asked, and on_state()
// tries again.
bool Client::state_is_known() {
  // What statements of ours are read under is to be known, wherever they are.
  if (!reading_.changed || !shares_names()) {
    if (holds_ & hold_for_ever) {
      // It need not be known. But what may have changed it is over, and none of the next
      // transaction's.
      if (effects_ & suspicious) tracking().unasked |= suspicious;
      effects_ &= ~suspicious;
      return true;
    }
    if ((effects_ & (holds_ == 0 ? changes : may_end_hold)) == 0) return true;
  }
  ask_state();
  return false;
}

void Client::ask_state() {
  Tracking& mine = tracking();
  mine.asked_effects = std::exchange(effects_, 0) | std::exchange(mine.unasked, 0);
  mine.asked_failed = server->error_seen;
  const bool plain = !server->error_seen && (mine.asked_effects & (transaction | resets)) == 0;
  mine.question = StateQuestion::about(mine.asked_effects, plain);
  // Whatever else is held is asked for, too: the answer decides about the server. What happened
  // while it was held was not asked for, nor what a temporary view or function may have done.
  if (holds_ != 0) {
    mine.question.holds = mine.question.settings = mine.question.statements = true;
    mine.question.channels = true;
  }
  mine.question.names = mine.question.settings ? mine.custom : std::exchange(mine.names, {});
  mine.names.clear();
  mine.answer = {};
  mine.asked = true;
  settle_unlistened(std::exchange(server->error_seen, false));
  Out out;
  server->ask(mine.question.sql(), out, Reply::probe);
  server->write(out);
}

void Client::on_state_row(Bytes body) {
  if (tracking_) tracking_->answer.add(body);
}

void Client::on_state(Server& given, bool failed) {
  Tracking& mine = tracking();
  mine.asked = false;
  end_cancel_wait(given.owes());
  if (restore_ == Restore::asked_in_block) return answered_in_block(given);
  if (failed || mine.answer.malformed) {
    effects_ |= mine.asked_effects | suspicious;  // asked again after the next statement
    hold_server(hold_unknown);
    if (delays_ready()) restored(given, 'I');
    return on_batch_end();
  }
  const Settings before = vars;
  adopt_settings(given);
  adopt_holds(given);
  settle_reading(before.get());
  if (ends_for_hold()) return;
  if (!hub.to_client.empty()) deliver(hub.to_client);
  go_on_moving(mine.answer.channels);
  if (state_ == ClientState::closing || restores(given, 'I')) return;
  // Behind a RESET that is under way comes what that takes away, too; the client waits for it.
  if (holds_ != 0 && !restores_something()) restore_startup();
  on_batch_end();
  if (server == &given) try_release();
}

// What the server says is the client's state from now on, wherever it goes.
void Client::adopt_settings(Server& given) {
  Tracking& mine = tracking();
  StateAnswer& answer = mine.answer;
  StateAnswer::Pairs items;
  for (const auto& item : vars->items) {
    const bool asked =
        is_statement_item(item.first) ? mine.question.statements : mine.question.settings;
    if (!asked) items.push_back(item);
  }
  for (auto& item : answer.settings) items.push_back(std::move(item));
  for (auto& item : answer.values) items.push_back(std::move(item));
  if (mine.question.settings && answer.session_user != pool->record.key.user) {
    items.emplace_back("session_authorization", answer.session_user);
  }
  for (auto& [name, text] : answer.statements) {
    items.emplace_back(statement_item(name),
                       sql::prepare_statement(text, name, hub.analysis.host()));
  }
  const Settings now = hub.setting_table.intern(items);
  hold_for_settings(given, *now);
  given.adopt(now);
  // RESET goes back to what the client asked for at its login, not to the server's default.
  if (mine.question.settings) {
    for (const auto& item : startup_vars_->items) {
      if (is_taken_back(item.first, now->find(item.first))) items.push_back(item);
    }
  }
  vars = hub.setting_table.intern(std::move(items));
}

// What cannot be said to another server as it was said to this one.
void Client::hold_for_settings(const Server& given, const SettingList& now) {
  const bool prepared = !now.items.empty() && is_statement_item(now.items.front().first);
  if (prepared && !now.reads_as(*vars)) hold_server(hold_prepared);
  const std::string* encoding = given.parameters->find("client_encoding");
  const std::string* own = given.parameters->find("server_encoding");
  if (encoding && own && *encoding == *own) return;
  const auto is_plain = [](const auto& item) { return is_ascii(item.second); };
  if (!std::ranges::all_of(now.items, is_plain)) hold_server(hold_encoding);
}

void Client::adopt_holds(Server& given) {
  const StateQuestion& question = tracking_->question;
  const StateAnswer& answer = tracking_->answer;
  Holds now = holds_ & static_cast<Holds>(~hold_unknown);
  const auto see = [&](bool asked, Holds bit, bool there) {
    if (asked) now = static_cast<Holds>(there ? now | bit : now & ~bit);
  };
  // What was prepared over temporary objects, no other server takes.
  const bool prepared_there = (holds_ & hold_temp) != 0 && !answer.statements.empty();
  see(question.holds, hold_temp, answer.temp || prepared_there);
  if (question.holds) {
    // Where others had some before, it takes a statement of its own that certainly made some.
    const bool made = (tracking_->asked_effects & temp) != 0 && !tracking_->asked_failed;
    had_temp_ |= answer.temp_schema && (answer.temp || made || !given.has_temp_schema);
    given.has_temp_schema = answer.temp_schema;
  }
  see(question.holds, hold_cursor, answer.cursor);
  see(question.holds, hold_lock, answer.lock);
  if (question.channels) adopt_channels(answer.channels);
  see(question.channels, hold_listen, !answer.channels.empty() || moves_channels());
  see(question.settings, hold_setting, answer.superuser_setting && vars->find("role"));
  if (tracking_->custom.size() >= custom_limit) now |= hold_unknown;
  holds_ &= now;
  if (now) hold_server(now);
  pinned = hold_reason();
}

// A session that came to keep its server, where that is not allowed. True if it has ended.
bool Client::ends_for_hold() {
  constexpr Holds mine =
      static_cast<Holds>(~(hold_unknown | hold_sequence | hold_names | hold_listen | hold_nextval));
  if (hub.settings().proxy.on_unsupported != config::OnUnsupported::error) return false;
  if ((holds_ & mine) == 0) return false;
  fail("0A000", "this session would keep its server: " + std::string(pinned),
       "on_unsupported = \"error\" in section [proxy] forbids it; pool_mode = \"session\" has "
       "servers to keep.");
  return true;
}

// ---- the server goes back --------------------------------------------------------

// Gives the server back if nothing keeps it.
void Client::try_release() {
  if (!may_release()) return;
  if (effects_ & changes_catalog) {
    effects_ &= ~changes_catalog;
    hub.shared.catalogs.changed(pool->dbname);
  }
  let_sequence_go();
  if (tracks_state() && !state_is_known()) return;
  if (holds_ != 0) return move_channels_out();
  effects_ = 0;
  release_server();
}

// Whether what its server knew of the session is nowhere else.
bool Client::state_is_lost() const {
  return tracks_state() && (holds_ != 0 || (open_effects() & changes) != 0);
}

// The client goes and takes its server's state to the grave.
void Client::leave_state(Server& held) {
  if (!tracks_state()) return;
  const bool open = (effects_ & changes) != 0 || (tracking_ && tracking_->asked);
  if (holds_ & (hold_load | hold_seed)) held.close_when_idle = true;
  held.has_temp_schema |= (open_effects() & temp) != 0;
  if (!open && (holds_ & ~hold_nextval) == 0) return;
  held.reset_at_once();
}

}  // namespace heim::session
