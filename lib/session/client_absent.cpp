// Statements under the client's own names that its server could not be given: what they read is
// gone, or called otherwise. Their names stay taken, by a statement that cannot run, and where one
// is used it is tried again: it fails as it would, or is there from then on.
//
// They are the named ones of `statements_`, where names are the client's own.
#include "session/client_tracking.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"
#include "session/statement_text.hpp"

namespace heim::session {
namespace {

constexpr std::string_view attempt = "heim_try";  // a statement

// Back to this, if the message that it belongs to fails.
Undo named(std::string_view name, StatementRef before) {
  Undo change;
  change.client_named = true;
  change.name = name;
  change.before = std::move(before);
  return change;
}

}  // namespace

// What has a statement read as it was, where that may have changed since; nothing is known where
// `under` is null, but perhaps of its literals.
std::string Client::reading_of(const Statement& statement, const SettingList* under) const {
  const bool same = !under || (parsed_under() && under->reads_as(*vars));
  if (!same) return reading_sql(*under);
  if (!statement.told) return {};
  const LiteralSettings now{told_, vars};
  return reading_apart(reading_.is_told() ? &now : nullptr, {statement.told, statement.set}).there;
}

// Prepares it under this name. Whatever comes of it, no transaction of the client's is lost.
void Client::prepare_own(std::string_view name, Statement& statement, const SettingList* under) {
  find_script(statement);
  Undo change = named(name, statements_.find(name));
  note_own(name, statement.text());  // it stands for that also where it cannot be read yet
  change.absent = server->absent.add();
  const std::string other = Absent::stand_in(change.absent, statement.content);
  parse_apart(name, statement.content, reading_of(statement, under), std::move(change));
  parse_apart(name, other, std::string(Absent::settings), std::nullopt);
}

// A Parse under settings of its own, apart from what the client does. `absent`: to be taken back if
// it fails.
void Client::parse_apart(std::string_view name, std::string_view content,
                         const std::string& settings, std::optional<Undo> absent) {
  const bool open = server->in_transaction();
  const bool apart = open || !settings.empty();
  const auto run = [&](const std::string& sql) {
    server->ask(sql, hub.to_server, Reply::query_lenient);
  };
  if (apart) run((open ? "SAVEPOINT heim_names;" : "BEGIN;") + settings);
  std::string message;
  wire::Writer(message, 'P').string(name).bytes(content);
  hub.to_server.copy(message);
  const bool marked = absent.has_value();
  if (marked) server->remember(std::move(*absent));
  server->expect(Reply::parse_lenient, marked);
  server->sync_hidden(hub.to_server);
  if (apart) run(open ? "ROLLBACK TO heim_names;RELEASE heim_names" : "ROLLBACK");
}

// A message that names such a one. Nothing if it names none.
std::optional<std::size_t> Client::own_absent(Bytes in, const wire::Header& header) {
  const auto given = statement_name(in, header);
  if (!given || given->empty()) return std::nullopt;
  const StatementRef statement = statements_.find(*given);
  if (!statement) return std::nullopt;
  if (header.tag == 'P' || header.tag == 'C') {
    statements_.erase(*given);
    if (header.tag == 'P') {
      expect_own_parse(named(*given, statement), in, header);
    } else {
      server->remember(named(*given, statement));
      server->expect(Reply::close, true);
    }
    return pass(in, header);
  }
  if (header.tag == 'D') return try_absent(statement, {*given, nullptr, true}), std::nullopt;
  const wire::Fields rest = behind_names(in, header);
  try_absent(statement, {*given, &rest});
  return std::nullopt;
}

// Ahead of what uses it. Where it fails, so does the batch, with its error.
void Client::try_absent(const StatementRef& statement, const StatementUse& use) {
  std::string out;
  const auto parse = [&](std::string_view name, Undo change) {
    wire::Writer(out, 'P').string(name).bytes(statement->content);
    server->remember(std::move(change));
    server->expect(Reply::parse_hidden, true);
  };
  const auto close = [&](std::string_view name) {
    wire::Writer(out, 'C').u8('S').string(name);
    server->expect(Reply::close_hidden);
  };
  close(attempt);
  parse(attempt, undo_for(*statement, use));
  close(attempt);
  close(use.name);
  parse(use.name, named(use.name, statement));
  hub.to_server.copy(out);
  statements_.erase(use.name);
}

}  // namespace heim::session
