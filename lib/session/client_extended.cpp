// The extended protocol where servers are shared: statement names are the client's, what they stand
// for is prepared wherever it is needed.
#include <algorithm>
#include <charconv>

#include "session/client_routing.hpp"
#include "session/client_tracking.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"
#include "session/statement_text.hpp"

namespace heim::session {
namespace {

constexpr std::size_t name_limit = 4096;  // both names of a Bind stand within so many bytes

// Where the batch itself sets the unnamed one, and that fails, what follows is skipped.
bool batch_sets_unnamed(const Server& given) {
  return std::ranges::any_of(given.undo, [&](const Undo& change) {
    return change.client_unnamed && change.batch == given.prepared.batch;
  });
}

// Whether a batch before this one changed something; the oldest change tells.
bool has_earlier_changes(const Server& given) {
  return !given.undo.empty() && given.undo.front().batch != given.prepared.batch;
}

bool notes_own(const Undo& change, std::string_view name) {
  return change.own && change.own->name == name;
}

}  // namespace

std::size_t Client::extended(Bytes in, const wire::Header& header) {
  if (!shares_names()) return own_extended(in, header);
  const bool read_whole = header.tag != 'B' && !(header.tag == 'P' && header.total() > parse_limit);
  if (read_whole && in.size() < header.total()) return 0;
  if (!server && without_server(in, header)) return header.total();
  if (!has_server(in)) return 0;
  if (has_to_wait(in, header)) return 0;
  if (!shares_names()) return own_extended(in, header);
  open_batch(header);
  return translate(in, header);
}

bool Client::has_to_wait(Bytes in, const wire::Header& header) {
  if (!waits_for_others(in, header)) return false;
  // What it is kept for has not begun. It was planned: that holds for when it goes on.
  if (server && !server->batch_open) {
    planned_ |= !server->repeatable.empty();
    server->forget_batch();
  }
  return true;
}

bool Client::waits_for_others(Bytes in, const wire::Header& header) {
  const bool apart = server->apart;
  if (apart && server->ends_apart(hub.to_server)) return wait_for_outcome(), true;
  const bool part = in_parts_ && (header.tag == 'P' || header.tag == 'B');
  if (part && !look_at_part(in, header)) return true;
  refused_ = false;  // the server will skip it all
  if (hangs_on_outcome(in, header) || waits_to_refuse(in, header)) {
    return wait_for_outcome(), true;
  }
  if (tracks_state() && !(look_at_batch(in) && look_at_bind(in, header))) return true;
  // Once is enough: what is given up again to make room is not prepared apart again and again.
  if (apart || !shares_names() || !waits_for_columns(in)) return false;
  return wait_for_outcome(), true;
}

void Client::open_batch(const wire::Header& header) {
  begin_request();
  if (header.tag == 'E') ++pool->meter->total.query_count;
  if (!server->batch_open) begins_ |= !shares_names();  // what it binds is not looked at
  server->batch_open = true;
}

std::size_t Client::translate(Bytes in, const wire::Header& header) {
  keep_for_retry(in, header);
  if (!server->orphans.empty()) close_orphans();
  mend_before(header);
  switch (header.tag) {
    case 'P':
      return header.total() > parse_limit ? pin_and_pass(in, header) : parse(in, header);
    case 'B':
      return bind(in, header);
    case 'D':
      return describe(in, header);
    case 'C':
      return close_statement(in, header);
    default:
      return native(in, header);
  }
}

// Whether an earlier batch, not answered yet, decides what a name stands for: if it fails, the name
// stands for what it did before.
bool Client::hangs_on_outcome(Bytes in, const wire::Header& header) const {
  if (!has_earlier_changes(*server)) return false;
  if (header.tag == 'E') return forgetting_ != nullptr;
  const auto given = statement_name(in, header);
  if (!given) return false;
  const bool uses = header.tag == 'B' || header.tag == 'D';
  const bool unnamed = given->empty() && uses && !batch_sets_unnamed(*server);
  const auto decides = [&](const Undo& change) {
    if (given->empty()) return unnamed && change.client_unnamed;
    if (notes_own(change, *given)) return true;
    return change.client_named && change.name == *given && !(uses && server->has_added(change));
  };
  return std::ranges::any_of(server->undo, [&](const Undo& change) {
    return change.batch != server->prepared.batch && (change.hangs || decides(change));
  });
}

std::size_t Client::wait_for_outcome() {
  stalled_ = true;
  return 0;
}

// What needs no server: preparing what some server of the pool is known to accept, and forgetting a
// name. A client that prepares first and executes later holds nothing meanwhile.
bool Client::without_server(Bytes in, const wire::Header& header) {
  if (header.tag != 'P' && header.tag != 'C') return false;
  if (in.size() < header.total() || header.total() > parse_limit) return false;
  wire::Fields fields(in.subspan(wire::header_size, header.body));
  const bool close = header.tag == 'C';
  if (close && fields.u8() != 'S') return false;
  const std::string_view given = fields.string();
  if (!fields.ok() || given.empty()) return false;
  if (vars->find(statement_item(given))) return false;  // one of SQL's PREPARE
  if (close) {
    statements_.erase(given);
  } else {
    const std::string_view content = as_text(fields.rest());
    const std::uint64_t limit = hub.settings().proxy.max_client_prepared_bytes;
    if (statements_.find(given) || statements_.bytes() + content.size() > limit) return false;
    const StatementRef statement = intern(given, content);
    if (!is_accepted(*statement)) return false;
    statements_.set(given, statement, vars);
    statements_.told_columns(given, *statement, statement->valid_columns);
    ++pool->meter->total.client_parse_count;
  }
  hub.to_client.copy(close ? std::string_view("3\0\0\0\4", 5) : std::string_view("1\0\0\0\4", 5));
  return true;
}

// Whether a server of the pool, of whichever worker, is known to accept it.
bool Client::is_accepted(Statement& statement) const {
  if (statement.parsed_anew) return false;
  const pool::Record& record = pool->record;
  const std::uint64_t epoch = hub.shared.schema_epoch.load(std::memory_order_relaxed);
  const Hash128 key = key_of(statement);
  if (statement.valid_in == &record && statement.valid_epoch == epoch &&
      statement.valid_as == key) {
    return true;
  }
  const std::optional<std::uint64_t> columns = hub.shared.accepted.find(record, key, epoch);
  if (!columns) return false;
  statement.note_columns(*columns);
  statement.valid_columns = *columns;
  statement.valid_in = &record;
  statement.valid_epoch = epoch;
  statement.valid_as = key;
  return true;
}

// The statement that a name shall stand for, from now on.
StatementRef Client::intern(std::string_view given, std::string_view content) const {
  const std::uint64_t reading = reading_.literals(id, told_, vars);
  const Hub::Interned& seen = hub.interned;
  if (seen.statement && seen.content == content.data() && seen.reading == reading) {
    return seen.statement;
  }
  StatementTable& table = hub.statement_table;
  StatementRef statement = given.empty() ? table.intern(content, reading, statements_.unnamed())
                                         : table.intern(content, reading);
  const auto is_it = [&](const Statement& one) { return &one == statement.get(); };
  // Of many it is not worth the search: the name in an error may be the other one.
  constexpr std::size_t few = 64;
  const bool may_have_it =
      !given.empty() && tracks_state() && statement.use_count() > 1 && statements_.size() <= few;
  const std::string* other = may_have_it ? statements_.name_of(is_it) : nullptr;
  if (other && *other != given) statement = table.intern_apart(content, reading, given);
  if (statement->has_literals() && !statement->told && reading_.is_told()) {
    statement->told = told_;
    statement->set = vars;
  }
  return statement;
}

std::size_t Client::parse(Bytes in, const wire::Header& header) {
  const Bytes body = in.subspan(wire::header_size, header.body);
  wire::Fields fields(body);
  const std::string_view given = fields.string();
  if (!fields.ok()) return protocol_error("invalid string in message"), 0;
  const std::string_view content = as_text(fields.rest());
  ++pool->meter->total.client_parse_count;
  if (given.empty()) return parse_unnamed(in, header, content);
  const StatementRef statement = intern(given, content);
  // In a failed transaction the server has its own opinion, and it may be in one by then.
  const bool may_fail = server->in_failed_transaction() || server->owes_earlier();
  const bool of_sql = vars->find(statement_item(given)) != nullptr;
  if (tracks_state() && (may_fail || of_sql)) try_name(given, content);
  if (may_fail || statement->parsed_anew) {
    retire(key_of(*statement, true));
    close_orphans();
  }
  if (statements_.find(given) || (of_sql && is_of_sql(given))) {
    // What is wrong with the text itself comes first.
    ensure_prepared(statement, {});
    poison("42P05", "prepared statement \"" + std::string(given) + "\" already exists");
    return header.total();
  }
  if (statements_.bytes() + content.size() > hub.settings().proxy.max_client_prepared_bytes) {
    poison("54000", "prepared statements of one client exceed max_client_prepared_bytes");
    return header.total();
  }
  Undo change;
  change.client_named = true;
  change.name = given;
  keep_name(given);
  statements_.set(given, statement, parsed_under(), reading_.epoch);
  if (const ServerStatements::Item* item = fresh(key_of(*statement, true))) {
    statements_.told_columns(given, *statement, item->columns);
    server->remember(std::move(change));
    server->expect(Reply::parse_made, true);
    server->emit_made(hub.to_client);
  } else {
    prepare(statement, std::move(change), Reply::parse);
  }
  return header.total();
}

std::size_t Client::parse_unnamed(Bytes in, const wire::Header& header, std::string_view content) {
  StatementRef statement = intern({}, content);
  const bool changed = statement != statements_.unnamed() || server->prepared.unnamed_is_pending();
  if (changed) {
    Undo change;
    change.client_unnamed = true;
    change.before = statements_.unnamed();
    server->remember(std::move(change));
  }
  server->prepared.set_unnamed(key_of(*statement, true));
  server->expect(Reply::parse_unnamed, changed);
  if (changed) statements_.set_unnamed(std::move(statement));
  ++pool->meter->total.server_parse_count;
  return pass(in, header);
}

// An error of ours in its place among the server's answers: the server is made to fail here, too,
// so that it skips to Sync and aborts its transaction as it would have; its error is replaced.
void Client::poison(std::string_view sqlstate, std::string message, std::string_view routine) {
  std::string error;
  wire::error(error, {"ERROR", sqlstate, message, {}, {}, routine});
  server->fail_batch(std::move(error), hub.to_server);
}

void Client::unknown_statement(std::string_view given) {
  poison("26000", given.empty()
                      ? "unnamed prepared statement does not exist"
                      : "prepared statement \"" + std::string(given) + "\" does not exist");
}

// False if the statement cannot run: an error of ours stands in its place.
bool Client::note_bound(Statement& statement, std::string_view portal) {
  if (tracks_state()) {
    find_script(statement);
    if (refuses(*statement.script)) return refuse_statement(*statement.script), false;
    if (minds_sequences(effects_of(statement.text(), *statement.script))) {
      server->run_hidden("DISCARD SEQUENCES", hub.to_server);
      server->forgets_sequences();
    }
    note(*statement.script);
    note_block(statement.text(), *statement.script);
    const bool back = may_take_back(*statement.script, statement.text());
    note_portal(portal, back ? statement.script : nullptr);
  }
  begins_ |= may_begin(statement.text());
  if (hub.guide.on()) account_bind(statement);
  if (statement.forgets_all) will_forget(portal);
  if (routing_ && portal.empty()) routing_->portal_open = true;
  if (reads_elsewhere_) note_ending(portal, statement);
  return true;
}

std::size_t Client::bind(Bytes in, const wire::Header& header) {
  const Bytes here = in.subspan(wire::header_size,
                                std::min<std::size_t>(in.size() - wire::header_size, header.body));
  wire::Fields fields(here);
  const std::string_view portal = fields.string();
  const std::string_view given = fields.string();
  if (!fields.ok()) {
    if (here.size() < header.body && here.size() < name_limit) return 0;
    return protocol_error("invalid string in message"), 0;
  }
  ++pool->meter->total.bind_count;
  if (forgetting_ && *forgetting_ == portal) forgetting_ = nullptr;
  note_portal(portal, nullptr);
  if (given.empty()) return bind_unnamed(in, header, portal, fields);
  const StatementRef statement = statements_.find(given);
  if (!statement) return bind_unknown(in, header, given);
  if (resets_by_null(statement->set_configs, in, header)) return bind_rewritten(header);
  if (refuses_bind(statement, given, fields)) return discard_frame(in, header);
  // What it does to how texts are read is for those behind it.
  const ServerStatements::Item item = ensure_prepared(statement, {given, &fields});
  if (has_other_columns(in, statement, item)) {
    poison("0A000", "cached plan must not change result type", "RevalidateCachedQuery");
    return discard_frame(in, header);
  }
  if (!note_bound(*statement, portal)) return discard_frame(in, header);
  return send_bind(in, header, portal, given, item.number);
}

std::size_t Client::bind_unnamed(Bytes in, const wire::Header& header, std::string_view portal,
                                 wire::Fields rest) {
  const StatementRef& given = statements_.unnamed();
  if (given && resets_by_null(given->set_configs, in, header)) return bind_rewritten(header);
  if (refuses_bind(given, {}, rest)) return discard_frame(in, header);
  if (!ensure_unnamed({{}, &rest})) return unknown_statement({}), discard_frame(in, header);
  if (!given && hub.guide.on()) account_unseen();
  const bool runs = !given || note_bound(*given, portal);
  return runs ? native(in, header) : discard_frame(in, header);
}

std::size_t Client::bind_unknown(Bytes in, const wire::Header& header, std::string_view given) {
  if (!is_native(given)) return unknown_statement(given), discard_frame(in, header);
  if (hub.guide.on()) account_everything();
  return native(in, header);
}

// The same message with our name for the statement.
std::size_t Client::send_bind(Bytes in, const wire::Header& header, std::string_view portal,
                              std::string_view given, std::uint32_t number) {
  const Bytes here = in.subspan(wire::header_size,
                                std::min<std::size_t>(in.size() - wire::header_size, header.body));
  char name[24] = "heim_";
  const auto end = std::to_chars(name + 5, name + sizeof name, number).ptr;
  const std::string_view ours(name, static_cast<std::size_t>(end - name));
  std::uint8_t head[wire::header_size];
  head[0] = 'B';
  store_be32(head + 1, static_cast<std::uint32_t>(header.body + 4 + ours.size() - given.size()));
  hub.to_server.copy({reinterpret_cast<char*>(head), sizeof head});
  hub.to_server.borrow(here.first(portal.size() + 1));
  hub.to_server.copy(ours);
  // From the zero that ends the statement's name.
  hub.to_server.borrow(here.subspan(portal.size() + 1 + given.size()));
  server->expect(Reply::bind);
  body_left_ = header.body - here.size();
  body_discard_ = false;
  return wire::header_size + here.size();
}

std::size_t Client::describe(Bytes in, const wire::Header& header) {
  wire::Fields fields(in.subspan(wire::header_size, header.body));
  const std::uint8_t kind = fields.u8();
  const std::string_view given = fields.string();
  if (!fields.done()) return protocol_error("invalid Describe message"), 0;
  if (kind != 'S') return native(in, header);
  const StatementRef statement = given.empty() ? nullptr : statements_.find(given);
  if (describes_itself(given.empty() ? statements_.unnamed() : statement, given)) {
    return header.total();
  }
  const StatementUse use{given, nullptr, true};
  if (given.empty() ? ensure_unnamed(use) : !statement && is_native(given)) {
    return native(in, header);
  }
  if (!statement) {
    unknown_statement(given);
    return header.total();
  }
  statements_.forget_columns(given);  // it is told what they are now
  std::string message;
  wire::Writer(message, 'D').u8('S').string(server_name(ensure_prepared(statement, use).number));
  hub.to_server.copy(message);
  server->expect(Reply::describe);
  return header.total();
}

std::size_t Client::close_statement(Bytes in, const wire::Header& header) {
  wire::Fields fields(in.subspan(wire::header_size, header.body));
  const std::uint8_t kind = fields.u8();
  const std::string_view given = fields.string();
  if (!fields.done()) return protocol_error("invalid Close message"), 0;
  if (kind != 'S') return native(in, header);
  Undo change;
  if (given.empty()) {
    change.client_unnamed = true;
    change.before = statements_.unnamed();
    server->remember(std::move(change));
    statements_.set_unnamed(nullptr);
    server->prepared.drop_unnamed();
    server->expect(Reply::close, true);
    return pass(in, header);
  }
  StatementRef statement = statements_.find(given);
  if (!statement && is_native(given)) {
    effects_ |= sql::effect::deallocates;  // one of SQL's PREPARE, perhaps
    return native(in, header);
  }
  // Other clients may use it: only the name goes. Closing what does not exist is no error.
  if (statement) {
    change.client_named = true;
    change.name = given;
    change.before = std::move(statement);
    change.columns = statements_.columns(given);
    server->remember(std::move(change));
    keep_name(given);
    statements_.erase(given);
    server->expect(Reply::close_made, true);
  } else {
    server->expect(Reply::close_made);
  }
  server->emit_made(hub.to_client);
  return header.total();
}

}  // namespace heim::session
