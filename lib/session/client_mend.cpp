// RESET in the middle of a batch or of a text with more statements: what the login asked for is set
// again right behind it, before anything else of the client's runs.
#include <algorithm>

#include "session/client_tracking.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"
#include "session/statement_text.hpp"

namespace heim::session {
namespace {

constexpr std::size_t portal_limit = 16;

}  // namespace

bool may_take_back(const sql::Script& script, std::string_view text) {
  if ((script.effects & sql::effect::resets) != 0) return true;
  // Behind what is set for a transaction, the server no longer tells what was reset.
  return has_block(script) && may_reset_within(text) && !has_word(text, {"local"});
}

// `script`: what takes something back; null: the portal is bound anew, to something else.
void Client::note_portal(std::string_view portal, const sql::ScriptRef& script) {
  if (!tracks_state() || (!tracking_ && !script)) return;
  const bool resets = script && !startup_vars_->items.empty();
  if (!resets && (!tracking_ || tracking_->resetting.empty())) return;
  auto& portals = tracking().resetting;
  std::erase_if(portals, [&](const auto& one) { return one.first == portal; });
  if (!resets) return;
  if (portals.size() >= portal_limit) portals.erase(portals.begin());
  portals.emplace_back(portal, script);
}

// A statement that gets the client's own name on its server, and may reset something. What the name
// stood for, where either is to be known: it still does if that fails.
std::unique_ptr<OwnName> Client::note_own(std::string_view name, std::string_view text) {
  const sql::ScriptRef script = hub.analysis.find(text);
  const bool resets = may_take_back(*script, text);
  OwnName now{std::string(name), resets ? script : nullptr, set_configs(text)};
  if (now.is_plain() && !statements_.own.find(name)) return nullptr;
  return std::make_unique<OwnName>(statements_.own.put(std::move(now)));
}

// `change`: what else is taken back if it fails.
void Client::expect_own_parse(Undo change, Bytes in, const wire::Header& header) {
  if (tracks_state() && in.size() >= header.total()) {
    wire::Fields fields(in.subspan(wire::header_size, header.body));
    const std::string_view name = fields.string(), text = fields.string();
    if (fields.ok()) change.own = note_own(name, text);
  }
  const bool undo = change.client_named || change.own;
  if (undo) server->remember(std::move(change));
  server->expect(Reply::parse, undo);
}

void Client::note_own_bind(Bytes in) {
  if (!tracks_state() || (statements_.own.empty() && !may_reset())) return;
  wire::Fields fields(in.subspan(wire::header_size));
  const std::string_view portal = fields.string();
  const std::string_view name = fields.string();
  if (!fields.ok()) return;
  const OwnName* own = statements_.own.find(name);
  note_portal(portal, own ? own->resets : nullptr);
}

// What is to run behind a statement, one by one.
std::vector<std::string> Client::mending(const sql::Statement& statement) const {
  std::vector<std::string> texts;
  if (statement.kind == sql::Kind::block) {
    texts.push_back(set_unless_set(*startup_vars_, *vars));
    if (texts.back().empty()) texts.clear();
  }
  for (const std::string& name : resets_of(statement, *startup_vars_)) {
    texts.push_back(set_statement(name, *startup_vars_->find(name)));
  }
  if (const std::string* name = local_reset(statement)) {
    texts.push_back(set_statement(*name, *startup_vars_->find(*name), true));
  }
  return texts;
}

// Behind the Execute of a portal, with `rest` of what the client has sent. If that fails, the
// server skips this, too.
void Client::mend(std::string_view portal, Bytes rest) {
  if (!tracking_) return;
  const auto& portals = tracking_->resetting;
  const auto found =
      std::ranges::find(portals, portal, &std::pair<std::string, sql::ScriptRef>::first);
  if (found == portals.end() || found->second->statements.size() != 1) return;
  const sql::Statement& statement = found->second->statements[0];
  note_resets({&statement, 1});
  const bool discards = (statement.effects & sql::effect::discards) != 0;
  if (!discards || server->in_transaction() || restore_ != Restore::wanted) {
    tracking_->mending = mending(statement);
    // It ran outside of a transaction, and committed: where we set something, that has to, too, for
    // the next one to run.
    if (discards && !tracking_->mending.empty()) tracking_->mending.emplace_back("COMMIT");
  } else {
    // It is committed at once. What follows begins once the login's settings are back.
    cut_batch(rest);
  }
}

// Before the next message that may see the difference.
void Client::mend_before(const wire::Header& header) {
  if (tracking_ && !tracking_->mending.empty() && header.tag != 'C') send_mending();
}

void Client::send_mending() {
  for (const std::string& text : std::exchange(tracking_->mending, {}))
    server->run_hidden(text, hub.to_server);
  tracking_->reset.clear();
  tracking_->reset_local.clear();
}

// A simple query. False if it is to be sent as it is.
bool Client::mends_query(Bytes in, const wire::Header& header, bool has_undo) {
  constexpr sql::Effects perhaps = sql::effect::resets | sql::effect::suspicious;
  if (!tracks_state() || (effects_ & perhaps) == 0) return false;
  if (startup_vars_->items.empty() || header.tag != 'Q' || in.size() < header.total()) return false;
  const std::string_view text = query_text(in.first(header.total()));
  const sql::ScriptRef script = hub.script(text);
  if (!may_take_back(*script, text)) return false;
  if (reads_as_server(text) && send_mended(in, script->statements, header, has_undo)) {
    note_resets({&script->statements.back(), 1});
    return true;
  }
  note_resets(script->statements);
  return false;
}

// Whether the places that the lexer finds in a text are the server's.
bool Client::reads_as_server(std::string_view text) {
  const std::string* encoding = server->parameters->find("client_encoding");
  const bool odd = odd_strings() && text.find('\\') != text.npos;
  return !odd && (is_ascii(text) || (encoding && *encoding == "UTF8"));
}

// A text with a RESET before other statements.
bool Client::send_mended(Bytes in, const std::vector<sql::Statement>& statements,
                         const wire::Header& header, bool has_undo) {
  if (statements.size() < 2) return false;
  const std::string_view text = query_text(in.first(header.total()));
  const std::vector<std::size_t> ends = statement_ends(text);
  if (ends.size() != statements.size()) return false;
  Server::Mended mended;
  std::string sent;
  std::size_t from = 0;
  std::uint32_t number = 0;
  for (std::size_t i = 0; i + 1 < statements.size(); ++i, ++number) {
    sent += text.substr(from, ends[i] - from);
    from = ends[i];
    for (const std::string& more : mending(statements[i])) {
      mended.parts.push_back({++number, characters(text.substr(0, from)), characters(more)});
      sent += more;
    }
  }
  if (mended.parts.empty()) return false;
  expect_query(in, header, has_undo);
  server->expect_mended(std::move(mended));
  std::string message;
  wire::text_message(message, 'Q', sent.append(text.substr(from)));
  hub.to_server.copy(message);
  return true;
}

}  // namespace heim::session
