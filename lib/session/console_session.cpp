#include "session/console_session.hpp"

#include <algorithm>

#include "session/client.hpp"
#include "session/hub.hpp"

namespace heim::session {
namespace {

constexpr std::uint32_t longest = 65536;

}  // namespace

ConsoleSession::ConsoleSession(Client& client, Console& console) : client_(client), console_(console) {}

bool ConsoleSession::is_console(std::string_view database) {
  return database == "heimproxy" || database == "pgbouncer";
}

std::vector<std::pair<std::string, std::string>> ConsoleSession::parameters() {
  return {{"server_version", "15.0/heimproxy"}, {"server_encoding", "UTF8"},
          {"client_encoding", "UTF8"},          {"DateStyle", "ISO, MDY"},
          {"TimeZone", "UTC"},                  {"integer_datetimes", "on"},
          {"standard_conforming_strings", "on"}, {"is_superuser", "on"}};
}

void ConsoleSession::receive(Bytes bytes) {
  inbox_.append(as_text(bytes));
  process();
}

void ConsoleSession::process() {
  std::size_t done = 0;
  processing_ = true;
  while (!busy_ && client_.stream()) {
    const Bytes rest = as_bytes(inbox_).subspan(done);
    wire::Header header;
    const wire::Peek peek = wire::peek(wire::Origin::client, rest, header);
    if (peek == wire::Peek::more) break;
    if (peek != wire::Peek::ok || header.body > longest) {
      return client_.fail("08P01", "the console cannot read this message");
    }
    if (rest.size() < header.total()) break;
    done += header.total();
    const std::string body(as_text(rest.subspan(wire::header_size, header.body)));
    message(header, as_bytes(body));
    if (client_.state() == ClientState::closing) return;
  }
  processing_ = false;
  inbox_.erase(0, done);
}

void ConsoleSession::message(const wire::Header& header, Bytes body) {
  if (header.tag == 'X') return client_.leave("it said goodbye");
  if (header.tag == 'S') {
    skipping_ = false;
    return ready();
  }
  if (skipping_) return;
  switch (header.tag) {
    case 'Q': return query(body);
    case 'P': return parse(body);
    case 'B': return bind(body);
    case 'D': return describe(body);
    case 'E': return execute(body);
    case 'C': return close(body);
    case 'H': return;
    default: return fail("0A000", "the console knows queries only");
  }
}

void ConsoleSession::query(Bytes body) {
  wire::Fields fields(body);
  statements_ = console_.split(fields.string());
  std::reverse(statements_.begin(), statements_.end());
  if (!statements_.empty()) return next_statement();
  std::string out;
  wire::message(out, 'I', {});
  send(out);
  ready();
}

void ConsoleSession::next_statement() {
  if (statements_.empty()) return ready();
  const std::string sql = std::move(statements_.back());
  statements_.pop_back();
  run(sql, false);
}

void ConsoleSession::parse(Bytes body) {
  wire::Fields fields(body);
  const std::string name(fields.string());
  const std::string sql(fields.string());
  if (prepared_.size() >= 1000) return fail("54000", "too many prepared statements for the console");
  prepared_[name] = sql;
  send(std::string("1\0\0\0\4", 5));
}

void ConsoleSession::bind(Bytes body) {
  wire::Fields fields(body);
  const std::string portal(fields.string());
  const std::string name(fields.string());
  const auto found = prepared_.find(name);
  if (found == prepared_.end()) return fail("26000", "prepared statement \"" + name + "\" does not exist");
  const std::uint16_t formats = fields.u16();
  fields.bytes(2u * formats);
  if (fields.u16() != 0) return fail("08P01", "console statements have no parameters");
  for (std::uint16_t left = fields.u16(); left > 0; --left) {
    if (fields.u16() != 0 && fields.ok()) return fail("0A000", "the console sends results as text only");
  }
  if (portals_.size() >= 1000) return fail("54000", "too many portals for the console");
  portals_[portal] = found->second;
  send(std::string("2\0\0\0\4", 5));
}

void ConsoleSession::describe(Bytes body) {
  wire::Fields fields(body);
  const bool statement = fields.u8() == 'S';
  const std::string name(fields.string());
  const auto& map = statement ? prepared_ : portals_;
  const auto found = map.find(name);
  if (found == map.end()) return fail(statement ? "26000" : "34000", "\"" + name + "\" does not exist");
  std::string out;
  if (statement) wire::Writer(out, 't').u16(0);
  const auto columns = console_.columns(found->second);
  if (columns.empty()) {
    wire::message(out, 'n', {});
  } else {
    wire::row_description_of(out, columns);
  }
  send(out);
}

void ConsoleSession::execute(Bytes body) {
  wire::Fields fields(body);
  const std::string name(fields.string());
  const auto found = portals_.find(name);
  if (found == portals_.end()) return fail("34000", "portal \"" + name + "\" does not exist");
  run(found->second, true);
}

void ConsoleSession::close(Bytes body) {
  wire::Fields fields(body);
  auto& map = fields.u8() == 'S' ? prepared_ : portals_;
  map.erase(std::string(fields.string()));
  send(std::string("3\0\0\0\4", 5));
}

void ConsoleSession::run(const std::string& sql, bool extended) {
  busy_ = true;
  // The answer may come later, from other workers; the client may be gone by then.
  console_.execute(client_.hub, sql, client_.is_admin(),
                   [&hub = client_.hub, id = client_.id, extended](const ConsoleResult& result) {
                     Client* client = hub.find(id);
                     if (client && client->console()) client->console()->finish(result, extended);
                   });
}

void ConsoleSession::finish(const ConsoleResult& result, bool extended) {
  std::string out;
  const bool failed = !result.sqlstate.empty();
  if (failed) {
    wire::error(out, {"ERROR", result.sqlstate, result.message, {}, result.hint});
    statements_.clear();
    skipping_ = extended;
  } else if (result.columns.empty() && result.tag.empty()) {
    wire::message(out, 'I', {});
  } else {
    if (!result.columns.empty() && !extended) wire::row_description_of(out, result.columns);
    for (const auto& row : result.rows) wire::data_row(out, row);
    wire::command_complete(out, result.tag);
  }
  send(out);
  busy_ = false;
  if (!extended) next_statement();
  // When the answer came at once, process() is on the stack and goes on by itself.
  if (!processing_ && !busy_ && client_.state() != ClientState::closing) process();
}

void ConsoleSession::fail(std::string_view sqlstate, std::string_view text, std::string_view hint) {
  std::string out;
  wire::error(out, {"ERROR", sqlstate, text, {}, hint});
  send(out);
  skipping_ = true;
}

void ConsoleSession::send(const std::string& bytes) {
  if (!client_.stream() || bytes.empty()) return;
  const Bytes segment = as_bytes(bytes);
  client_.stream()->write({&segment, 1});
}

void ConsoleSession::ready() {
  std::string out;
  wire::ready(out, 'I');
  send(out);
}

}  // namespace heim::session
