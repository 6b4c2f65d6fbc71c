#include "canned_session.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "frames.hpp"

namespace heim::bench {
namespace {

constexpr std::uint32_t cancel_request = 80877102, ssl_request = 80877103, gss_request = 80877104;
constexpr std::size_t output_high_water = 256 * 1024;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())))
    text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())))
    text.remove_suffix(1);
  return text;
}

std::string first_word(std::string_view statement) {
  std::string word;
  for (const char c : statement) {
    if (!std::isalpha(static_cast<unsigned char>(c))) break;
    word.push_back(static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
  }
  return word;
}

std::string last_number(std::string_view statement) {
  std::size_t end = statement.size();
  while (end > 0 && !is_digit(statement[end - 1])) --end;
  std::size_t begin = end;
  while (begin > 0 && is_digit(statement[begin - 1])) --begin;
  return begin == end ? "0" : std::string(statement.substr(begin, end - begin));
}

/// The number that follows `prefix`; 0 when the prefix is not there.
std::uint32_t number_after(std::string_view statement, std::string_view prefix) {
  const std::size_t at = statement.find(prefix);
  std::uint32_t value = 0;
  if (at != std::string_view::npos) {
    const char* begin = statement.data() + at + prefix.size();
    std::from_chars(begin, statement.data() + statement.size(), value);
  }
  return value;
}

/// Cuts the next statement off `sql`; a semicolon inside quotes does not end it.
std::string_view next_statement(std::string_view& sql) {
  bool quoted = false;
  std::size_t at = 0;
  for (; at < sql.size() && (quoted || sql[at] != ';'); ++at) quoted ^= sql[at] == '\'';
  const std::string_view statement = trim(sql.substr(0, at));
  sql.remove_prefix(std::min(at + 1, sql.size()));
  return statement;
}

void put_column(Frame& frame, std::string_view name, std::uint32_t type, std::uint16_t size) {
  // No table, no column number; no type modifier; text format.
  frame.text(name).u32(0).u16(0).u32(type).u16(size).u32(UINT32_MAX).u16(0);
}

}  // namespace

Answer analyse(std::string_view statement) {
  using Kind = Answer::Kind;
  statement = trim(statement);
  if (statement.empty()) return {};
  std::string word = first_word(statement);
  if (word == "SELECT" || word == "SHOW" || word == "VALUES" || word == "WITH") {
    const std::uint32_t rows = number_after(statement, "generate_series(1, ");
    if (rows > 0) {
      const std::uint32_t width = number_after(statement, "repeat('x', ");
      return {Kind::large, "SELECT " + std::to_string(rows), {}, rows, width};
    }
    return {Kind::row, word == "SHOW" ? "SHOW" : "SELECT 1", last_number(statement), 0, 0};
  }
  if (word == "BEGIN" || word == "START") return {Kind::begin, "BEGIN", {}, 0, 0};
  if (word == "COMMIT" || word == "END") return {Kind::commit, "COMMIT", {}, 0, 0};
  if (word == "ROLLBACK" || word == "ABORT") return {Kind::rollback, "ROLLBACK", {}, 0, 0};
  if (word == "DISCARD") word = "DISCARD ALL";
  return {Kind::command, std::move(word), std::string(statement), 0, 0};
}

void CannedSession::receive(std::string_view bytes) {
  if (input_.empty() && !busy()) {
    // The usual case: whole messages, looked at where they lie.
    while (!bytes.empty() && !finished_ && !busy()) {
      const std::size_t taken = take_one(bytes);
      if (taken == 0) break;
      bytes.remove_prefix(taken);
    }
  }
  input_.append(bytes);
  work();
}

void CannedSession::resume() {
  if (busy()) continue_large();
  work();
}

void CannedSession::work() {
  std::size_t done = 0;
  while (done < input_.size() && !finished_ && !busy()) {
    const std::size_t taken = take_one(std::string_view(input_).substr(done));
    if (taken == 0) break;
    done += taken;
  }
  input_.erase(0, done);
}

/// Handles the first message of `bytes` and says how long it was; 0 when it is not all there.
std::size_t CannedSession::take_one(std::string_view bytes) {
  if (!started_) return take_startup(bytes);
  if (bytes.size() < 5) return 0;
  const std::size_t size = std::size_t{get_u32(bytes.data() + 1)} + 1;
  if (size < 5) return finished_ = true, bytes.size();
  if (bytes.size() < size) return 0;
  on_message(bytes[0], bytes.substr(5, size - 5));
  return size;
}

std::size_t CannedSession::take_startup(std::string_view bytes) {
  if (bytes.size() < 8) return 0;
  const std::size_t size = get_u32(bytes.data());
  if (size < 8 || size > 10000) return finished_ = true, bytes.size();
  if (bytes.size() < size) return 0;
  const std::uint32_t code = get_u32(bytes.data() + 4);
  if (code == ssl_request || code == gss_request) {
    output_.push_back('N');
  } else if (code == cancel_request) {
    finished_ = true;
  } else {
    started_ = true;
    welcome();
  }
  return size;
}

void CannedSession::welcome() {
  Frame(output_, 'R').u32(0);
  constexpr std::string_view parameters[][2] = {{"application_name", ""},
                                                {"client_encoding", "UTF8"},
                                                {"DateStyle", "ISO, MDY"},
                                                {"default_transaction_read_only", "off"},
                                                {"in_hot_standby", "off"},
                                                {"integer_datetimes", "on"},
                                                {"IntervalStyle", "postgres"},
                                                {"is_superuser", "on"},
                                                {"server_encoding", "UTF8"},
                                                {"server_version", "15.0"},
                                                {"session_authorization", "bench"},
                                                {"standard_conforming_strings", "on"},
                                                {"TimeZone", "UTC"}};
  for (const auto& [name, value] : parameters) Frame(output_, 'S').text(name).text(value);
  Frame(output_, 'K').u32(1).u32(1);
  ready();
}

void CannedSession::on_message(char type, std::string_view body) {
  if (type == 'X') {
    finished_ = true;
    return;
  }
  if (type == 'S') return on_sync();
  if (skip_to_sync_) return;
  switch (type) {
    case 'Q':
      return on_query(Reader(body).text());
    case 'P':
      return on_parse(body);
    case 'B':
      return on_bind(body);
    case 'D':
      return on_describe(body);
    case 'E':
      return on_execute(body);
    case 'C':
      return on_close(body);
    case 'H':
      return;
    default:
      return fail("0A000", "the canned server does not know this message");
  }
}

void CannedSession::on_query(std::string_view sql) {
  bool any = false;
  while (!sql.empty()) {
    const std::string_view statement = next_statement(sql);
    if (statement.empty()) continue;
    any = true;
    run(analyse(statement), false);
    if (!busy()) continue;
    large_simple_ = true;  // it ends the query: whatever follows it is not run
    return continue_large();
  }
  if (!any) empty_message('I');
  skip_to_sync_ = false;  // an error in a simple query ends with it
  ready();
}

void CannedSession::on_parse(std::string_view body) {
  Reader reader(body);
  const std::string_view name = reader.text();
  const std::string_view sql = reader.text();
  if (!reader.ok()) return fail("08P01", "a malformed Parse");
  if (!name.empty() && statements_.contains(name)) {
    return fail("42P05", "prepared statement already exists");
  }
  statements_.insert_or_assign(std::string(name), analyse(sql));
  empty_message('1');
}

void CannedSession::on_bind(std::string_view body) {
  Reader reader(body);
  const std::string_view portal = reader.text();
  const auto statement = statements_.find(reader.text());
  for (std::uint16_t formats = reader.u16(); formats > 0; --formats) reader.u16();
  const std::uint16_t parameters = reader.u16();
  const std::string_view first = parameters > 0 ? reader.value() : std::string_view();
  if (!reader.ok()) return fail("08P01", "a malformed Bind");
  if (statement == statements_.end()) return fail("26000", "prepared statement does not exist");
  auto bound = portals_.find(portal);
  if (bound == portals_.end()) bound = portals_.emplace(portal, Answer{}).first;
  bound->second = statement->second;
  if (parameters > 0) bound->second.tag = first;
  empty_message('2');
}

void CannedSession::on_describe(std::string_view body) {
  if (body.empty()) return fail("08P01", "a malformed Describe");
  const bool is_statement = body[0] == 'S';
  Answers& answers = is_statement ? statements_ : portals_;
  const auto found = answers.find(Reader(body.substr(1)).text());
  if (found == answers.end()) return fail("26000", "nothing of this name to describe");
  if (is_statement) Frame(output_, 't').u16(1).u32(23);
  describe_rows(found->second);
}

void CannedSession::on_execute(std::string_view body) {
  const auto portal = portals_.find(Reader(body).text());
  if (portal == portals_.end()) return fail("34000", "portal does not exist");
  run(portal->second, true);
  if (!busy()) return;
  large_simple_ = false;
  continue_large();
}

void CannedSession::on_close(std::string_view body) {
  if (body.empty()) return fail("08P01", "a malformed Close");
  Answers& answers = body[0] == 'S' ? statements_ : portals_;
  const auto found = answers.find(Reader(body.substr(1)).text());
  if (found != answers.end()) answers.erase(found);
  empty_message('3');
}

void CannedSession::on_sync() {
  skip_to_sync_ = false;
  ready();
}

void CannedSession::run(const Answer& answer, bool described) {
  using Kind = Answer::Kind;
  switch (answer.kind) {
    case Kind::empty:
      return empty_message('I');
    case Kind::row:
      if (!described) describe_rows(answer);
      Frame(output_, 'D').u16(2).value(answer.tag).value("0");
      break;
    case Kind::large:
      if (!described) describe_rows(answer);
      return start_large(answer);
    case Kind::begin:
      in_transaction_ = true;
      break;
    case Kind::commit:
    case Kind::rollback:
      in_transaction_ = false;
      break;
    case Kind::command:
      if (answer.command == "DISCARD ALL") statements_.clear();
      if (answer.command == "PREPARE") {
        // PREPARE name AS ...: what a proxy may run on connecting, so that its clients need no
        // Parse.
        std::string_view rest = trim(std::string_view(answer.tag).substr(7));
        const std::string name(rest.substr(0, rest.find_first_of(" (")));
        const std::size_t as = rest.find(" AS ");
        if (as == std::string_view::npos) return fail("42601", "PREPARE name AS statement");
        statements_.insert_or_assign(name, analyse(rest.substr(as + 4)));
      }
      break;
  }
  Frame(output_, 'C').text(answer.command);
}

void CannedSession::start_large(const Answer& answer) {
  large_rows_ = large_left_ = answer.rows;
  large_width_ = answer.width;
}

/// Fills the output up to its high-water mark; the end of the result is the end of the statement.
void CannedSession::continue_large() {
  std::string row;
  Frame(row, 'D').u16(1).value(std::string(large_width_, 'x'));
  while (large_left_ > 0 && output_.size() < output_high_water) {
    output_.append(row);
    --large_left_;
  }
  if (large_left_ > 0) return;
  Frame(output_, 'C').text("SELECT " + std::to_string(large_rows_));
  if (large_simple_) ready();
}

void CannedSession::describe_rows(const Answer& answer) {
  constexpr std::uint32_t int4 = 23, text = 25;
  if (answer.kind == Answer::Kind::row) {
    Frame frame(output_, 'T');
    frame.u16(2);
    put_column(frame, "aid", int4, 4);
    put_column(frame, "abalance", int4, 4);
  } else if (answer.kind == Answer::Kind::large) {
    Frame frame(output_, 'T');
    frame.u16(1);
    put_column(frame, "repeat", text, UINT16_MAX);
  } else {
    empty_message('n');
  }
}

void CannedSession::empty_message(char type) { Frame(output_, type); }

void CannedSession::ready() { Frame(output_, 'Z').raw(in_transaction_ ? "T" : "I"); }

void CannedSession::fail(std::string_view sqlstate, std::string_view message) {
  Frame(output_, 'E')
      .raw("S")
      .text("ERROR")
      .raw("V")
      .text("ERROR")
      .raw("C")
      .text(sqlstate)
      .raw("M")
      .text(message)
      .raw(std::string_view("\0", 1));
  skip_to_sync_ = true;
}

}  // namespace heim::bench
