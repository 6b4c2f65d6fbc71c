#include "admin/console.hpp"

#include "admin/render.hpp"
#include "admin/tokens.hpp"
#include "wire/encoder.hpp"

namespace heim::admin {
namespace {

Error malformed() { return {"08P01", "invalid message format", {}, {}}; }

Formats read_codes(wire::Fields& body) {
  Formats codes;
  for (std::uint16_t left = body.u16(); left > 0 && body.ok(); --left) codes.push_back(body.u16());
  return codes;
}

/// Reports what a client must know at login.
constexpr std::string_view reported[] = {
    "client_encoding",
    "DateStyle",
    "default_transaction_read_only",
    "in_hot_standby",
    "IntervalStyle",
    "integer_datetimes",
    "is_superuser",
    "server_encoding",
    "server_version",
    "session_authorization",
    "standard_conforming_strings",
    "TimeZone",
};

std::string lower(std::string_view name) {
  std::string out(name);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 'a' - 'A') : c;
  return out;
}

}  // namespace

void Console::greet() {
  for (const std::string_view name : reported) {
    wire::parameter_status(out_, name, parameter(lower(name), identity_).value_or(""));
  }
}

void Console::feed(Bytes bytes) {
  if (ended_) return;
  in_ += as_text(bytes);
  run();
  if (!ended_ && in_.size() > max_unread) fatal("54000", "too much sent ahead of an answer");
}

void Console::run() {
  while (!pending_ && !ended_) {
    if (in_query_) {
      step_query();
    } else if (!next_message()) {
      break;
    }
  }
}

bool Console::next_message() {
  wire::Header header;
  switch (wire::peek(wire::Origin::client, as_bytes(in_), header)) {
    case wire::Peek::more:
      return false;
    case wire::Peek::unknown:
      fatal("08P01", "invalid frontend message type");
      return false;
    case wire::Peek::length:
      fatal("08P01", "invalid message length");
      return false;
    case wire::Peek::ok:
      break;
  }
  if (header.body > max_message) return fatal("54000", "message too long for the console"), false;
  if (header.total() > in_.size()) return false;
  const std::string body = in_.substr(wire::header_size, header.body);
  in_.erase(0, header.total());
  on_message(header.tag, as_bytes(body));
  return true;
}

void Console::on_message(std::uint8_t tag, Bytes body) {
  if (tag == 'X') {
    ended_ = true;
    return;
  }
  if (skip_to_sync_ && tag != 'S') return;
  const wire::Fields fields(body);
  switch (tag) {
    case 'Q':
      return on_query(fields);
    case 'P':
      return on_parse(fields);
    case 'B':
      return on_bind(fields);
    case 'D':
      return on_describe(fields);
    case 'E':
      return on_execute(fields);
    case 'C':
      return on_close(fields);
    case 'S':
      return on_sync();
    case 'F':
      error({"0A000", "the console has no functions to call", {}, {}});
      skip_to_sync_ = false;  // a FunctionCall is answered like a Query
      return ready();
    case 'p':
      return fatal("08P01", "a password was not asked for");
    default:
      return;  // Flush: nothing is held back. COPY data without a COPY is dropped.
  }
}

// Simple protocol

void Console::on_query(wire::Fields body) {
  const std::string_view sql = body.string();
  in_query_ = true;
  if (!body.done()) {
    error(malformed());
    return;
  }
  for (const std::string_view statement : statements(sql)) query_.emplace_back(statement);
  if (query_.empty()) wire::message(out_, 'I', {});
}

void Console::step_query() {
  if (query_.empty()) {
    in_query_ = skip_to_sync_ = false;
    return ready();
  }
  const std::string sql = std::move(query_.front());
  query_.pop_front();
  const Result<Command> command = parse_command(sql, identity_);
  command ? execute(*command, nullptr) : error(command.error());
}

// Extended protocol

void Console::on_parse(wire::Fields body) {
  const std::string name(body.string());
  const std::string_view sql = body.string();
  body.bytes(std::size_t{4} * body.u16());
  if (!body.done()) return error(malformed());
  if (!name.empty() && statements_.contains(name)) {
    return error({"42P05", "prepared statement \"" + name + "\" already exists", {}, {}});
  }
  if (statements_.size() >= max_statements) {
    return error({"54000", "too many prepared statements on the console", {}, {}});
  }
  const auto all = statements(sql);
  if (all.size() > 1) {
    return error({"42601", "cannot insert multiple commands into a prepared statement", {}, {}});
  }
  Result<Command> command = parse_command(all.empty() ? std::string_view{} : all[0], identity_);
  if (!command) return error(command.error());
  statements_.insert_or_assign(name, *std::move(command));
  wire::message(out_, '1', {});
}

void Console::on_bind(wire::Fields body) {
  const std::string name(body.string());
  const std::string_view statement = body.string();
  read_codes(body);
  const std::uint16_t values = body.u16();
  if (body.ok() && values > 0) {
    return error({"08P01", "the console's statements take no parameters", {}, {}});
  }
  Portal portal;
  portal.formats = read_codes(body);
  if (!body.done()) return error(malformed());
  const auto found = statements_.find(statement);
  if (found == statements_.end()) {
    return error({"26000", "prepared statement does not exist", {}, {}});
  }
  if (!name.empty() && portals_.contains(name)) {
    return error({"42P03", "cursor \"" + name + "\" already exists", {}, {}});
  }
  if (portals_.size() >= max_statements) {
    return error({"54000", "too many portals on the console", {}, {}});
  }
  portal.command = found->second;
  const auto fits = check_formats(portal.formats, columns(portal.command).size());
  if (!fits) return error(fits.error());
  portals_.insert_or_assign(name, std::move(portal));
  wire::message(out_, '2', {});
}

void Console::on_describe(wire::Fields body) {
  const std::uint8_t kind = body.u8();
  const std::string_view name = body.string();
  if (!body.done() || (kind != 'S' && kind != 'P')) return error(malformed());
  if (kind == 'S') {
    const auto found = statements_.find(name);
    if (found == statements_.end()) {
      return error({"26000", "prepared statement does not exist", {}, {}});
    }
    wire::Writer(out_, 't').u16(0);
    return describe(found->second, {});
  }
  const auto found = portals_.find(name);
  if (found == portals_.end()) return error({"34000", "portal does not exist", {}, {}});
  describe(found->second.command, found->second.formats);
}

void Console::describe(const Command& command, const Formats& formats) {
  const std::vector<Column> result = columns(command);
  if (result.empty()) return wire::message(out_, 'n', {});
  row_description(out_, result, formats);
}

void Console::on_execute(wire::Fields body) {
  const std::string_view name = body.string();
  const std::uint32_t max_rows = body.u32();
  if (!body.done()) return error(malformed());
  const auto found = portals_.find(name);
  if (found == portals_.end()) return error({"34000", "portal does not exist", {}, {}});
  Portal& portal = found->second;
  // A negative number means all of them, as in PostgreSQL.
  portal.max_rows = max_rows > 0x7fffffff ? 0 : max_rows;
  if (portal.table) return send_rows(portal);
  if (portal.done) {
    return error({"55000", "portal \"" + found->first + "\" cannot be run", {}, {}});
  }
  portal.done = true;
  execute(portal.command, &portal);
}

void Console::on_close(wire::Fields body) {
  const std::uint8_t kind = body.u8();
  const std::string_view name = body.string();
  if (!body.done() || (kind != 'S' && kind != 'P')) return error(malformed());
  const auto erase = [&](auto& from) {
    if (const auto found = from.find(name); found != from.end()) from.erase(found);
  };
  kind == 'S' ? erase(statements_) : erase(portals_);
  wire::message(out_, '3', {});
}

void Console::on_sync() {
  skip_to_sync_ = false;
  if (status_ == 'I') portals_.clear();
  ready();
}

// Both

void Console::execute(const Command& command, Portal* portal) {
  if (command.acts() && !identity_.admin) {
    return error({"42501", "only an administrator may do this", {}, "See admin_users."});
  }
  switch (command.verb) {
    case Verb::empty:
      return wire::message(out_, 'I', {});
    case Verb::accept:
      return complete(command);
    case Verb::begin:
    case Verb::commit:
    case Verb::rollback:
      return control_transaction(command);
    case Verb::constant:
      return deliver(command.result, command, portal);
    case Verb::help:
      show_help();
      return complete(command);
    case Verb::set:
      return error({"0A000",
                    "the setting \"" + command.name + "\" cannot be changed from here",
                    {},
                    "Edit the configuration file and RELOAD."});
    default:
      pending_ = Pending{command, portal};
  }
}

/// Drivers keep count of transactions, so the console plays along; there is nothing to roll back.
void Console::control_transaction(const Command& command) {
  const bool failed = status_ == 'E' && command.verb == Verb::commit;
  status_ = command.verb == Verb::begin ? (status_ == 'I' ? 'T' : status_) : 'I';
  wire::command_complete(out_, failed ? "ROLLBACK" : command.tag);
}

void Console::complete(const Command& command) { wire::command_complete(out_, command.tag); }

void Console::deliver(Table table, const Command& command, Portal* portal) {
  if (!portal) {
    out_ += encode(table, command.tag);
    return;
  }
  portal->table = std::move(table);
  send_rows(*portal);
}

void Console::send_rows(Portal& portal) {
  const Table& table = *portal.table;
  const std::size_t left = table.rows.size() - portal.sent;
  const bool all = portal.max_rows == 0 || portal.max_rows >= left;
  const std::size_t end = portal.sent + (all ? left : portal.max_rows);
  for (; portal.sent < end; ++portal.sent) {
    data_row(out_, table.columns, table.rows[portal.sent], portal.formats);
  }
  all ? wire::command_complete(out_, portal.command.tag) : wire::message(out_, 's', {});
}

void Console::answer(const session::Snapshot& snapshot) {
  if (!pending_ || pending_->command.verb != Verb::show) return;
  const Pending done = std::move(*pending_);
  pending_.reset();
  deliver(render(snapshot, done.command), done.command, done.portal);
  run();
}

void Console::answer(const Result<void>& outcome) {
  if (!pending_) return;
  const Pending done = std::move(*pending_);
  pending_.reset();
  outcome ? complete(done.command) : error(outcome.error());
  run();
}

void Console::show_help() {
  wire::error(out_, {"NOTICE", "00000", "Console usage", help_text(), {}}, 'N');
}

void Console::error(const Error& error) {
  wire::error(out_, {"ERROR", error.sqlstate, error.message, error.detail, error.hint});
  query_.clear();
  skip_to_sync_ = true;  // a Query ends it by itself
  if (status_ == 'T') status_ = 'E';
}

void Console::fatal(std::string_view sqlstate, std::string_view message) {
  wire::error(out_, {"FATAL", sqlstate, message});
  ended_ = true;
}

void Console::ready() { wire::ready(out_, status_); }

}  // namespace heim::admin
