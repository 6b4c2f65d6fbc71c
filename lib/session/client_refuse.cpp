// In a failed transaction no server can be given a statement that it lacks. PostgreSQL would look
// at the parameters of a Bind before it refuses to run anything, and so do we.
#include <algorithm>
#include <optional>

#include "session/hub.hpp"
#include "session/statement_text.hpp"

namespace heim::session {
namespace {

// PostgreSQL runs these in a failed transaction.
bool ends_transaction(const sql::Script& script) {
  if (script.statements.size() != 1) return false;
  const sql::Kind kind = script.statements[0].kind;
  return kind == sql::Kind::commit || kind == sql::Kind::rollback ||
         kind == sql::Kind::rollback_to || kind == sql::Kind::two_phase;
}

// Whether PostgreSQL looks into it for parameters when it parses it.
bool has_parameters(const sql::Script& script) {
  constexpr sql::Kind kinds[] = {sql::Kind::read,    sql::Kind::write, sql::Kind::declare,
                                 sql::Kind::explain, sql::Kind::call,  sql::Kind::ddl};
  return script.statements.size() == 1 &&
         std::ranges::find(kinds, script.statements[0].kind) != std::end(kinds);
}

// The types that a Parse message gives, and the parameters that its text names.
std::size_t count_parameters(const Statement& statement) {
  wire::Fields fields(as_bytes(statement.content));
  const std::string_view text = fields.string();
  const std::size_t given = fields.u16();
  if (!has_parameters(*statement.script)) return given;
  return std::max(given, highest_parameter(text));
}

// Whether the text says that it gives no rows.
bool gives_nothing(const Statement& statement) {
  using sql::Kind;
  static constexpr Kind commands[] = {
      Kind::savepoint, Kind::release, Kind::begin,  Kind::set,      Kind::discard,
      Kind::prepare,   Kind::listen,  Kind::notify, Kind::unlisten, Kind::deallocate,
      Kind::declare,   Kind::close,   Kind::lock,   Kind::block};
  if (is_blank(statement.text())) return true;
  if (statement.script->statements.size() != 1) return false;
  const sql::Statement& only = statement.script->statements[0];
  if (only.kind == Kind::write) {
    return fold(statement.text()).find("returning") == std::string::npos;
  }
  return std::ranges::find(commands, only.kind) != std::end(commands);
}

std::string count_error(std::size_t formats, std::size_t values, std::size_t wanted,
                        std::string_view given) {
  if (formats > 1 && formats != values) {
    return "bind message has " + std::to_string(formats) + " parameter formats but " +
           std::to_string(values) + " parameters";
  }
  if (values == wanted) return {};
  return "bind message supplies " + std::to_string(values) +
         " parameters, but prepared statement \"" + std::string(given) + "\" requires " +
         std::to_string(wanted);
}

// What is wrong with the parameters of a Bind: `rest` is what follows the statement's name. Nothing
// if that is not here.
std::optional<std::string> bind_error(const Statement& statement, std::string_view given,
                                      wire::Fields rest) {
  const std::size_t formats = rest.u16();
  rest.bytes(2 * formats);
  const std::size_t values = rest.u16();
  if (!rest.ok()) return std::nullopt;
  return count_error(formats, values, count_parameters(statement), given);
}

}  // namespace

// A Bind that begins a batch, while an earlier one may still end the failed transaction.
bool Client::waits_to_refuse(Bytes in, const wire::Header& header) const {
  if (header.tag != 'B' || !server->in_failed_transaction()) return false;
  if (server->batch_open || !server->may_run_something()) return false;
  wire::Fields fields(in.subspan(wire::header_size));
  fields.string();
  const std::string_view given = fields.string();
  const StatementRef statement = given.empty() ? statements_.unnamed() : statements_.find(given);
  if (!fields.ok() || !statement) return false;
  const Hash128 key = key_of(*statement);
  return given.empty() ? !server->prepared.has_unnamed(key) : !server->prepared.use(key);
}

// Whether the server lacks a statement that it cannot be given now.
bool Client::lacks_for_good(Statement& statement, bool is_named) const {
  if (!server->in_failed_transaction() || server->may_run_something()) return false;
  const Hash128 key = key_of(statement);
  const bool there =
      is_named ? server->prepared.use(key) != nullptr : server->prepared.has_unnamed(key);
  if (there) return false;
  find_script(statement);
  return !ends_transaction(*statement.script);
}

// A Bind whose statement the server lacks. True if an error stands in its place.
bool Client::refuses_bind(const StatementRef& statement, std::string_view given,
                          wire::Fields rest) {
  if (!statement || !lacks_for_good(*statement, !given.empty())) return false;
  std::optional<std::string> error = bind_error(*statement, given, rest);
  if (!error) return false;  // the server says what is wrong with it
  if (!error->empty()) {
    poison("08P01", std::move(*error));
  } else {
    poison("25P02",
           "current transaction is aborted, commands ignored until end of transaction block");
  }
  return true;
}

// A statement that is sent to the server where it is used may have become wrong since the client
// prepared it. PostgreSQL, which has it, says something else before it comes to that.
Undo Client::undo_for(Statement& statement, const StatementUse& use) const {
  Undo change;
  if (!use.bind && !use.describes) return change;
  find_script(statement);
  if (use.bind) {
    change.refusal = bind_error(statement, use.name, *use.bind).value_or("");
  } else if (count_parameters(statement) == 0) {
    wire::Writer(change.said_first, 't').u16(0);
  }
  return change;
}

// A Describe of a statement that gives no rows, where the server lacks it, and cannot be given it;
// or where it has been read anew, and may give some since. True if it is answered here.
bool Client::describes_itself(const StatementRef& statement, std::string_view given) {
  if (!statement) return false;
  const bool was_none = statements_.columns(given) == columns_none;
  const bool is_as_then = was_none && statement->parsed_anew;
  if (!is_as_then && !lacks_for_good(*statement, !given.empty())) return false;
  find_script(*statement);
  const bool is_bare = count_parameters(*statement) == 0;
  if (!was_none && !gives_nothing(*statement)) return false;
  if (!is_bare && statement->parameters.empty()) return false;
  Undo change;
  wire::message(change.said_first, 't', is_bare ? std::string(2, '\0') : statement->parameters);
  wire::message(change.said_first, 'n', {});
  server->remember(std::move(change));
  server->expect(Reply::describe_made, true);
  server->emit_made(hub.to_client);
  return true;
}

}  // namespace heim::session
