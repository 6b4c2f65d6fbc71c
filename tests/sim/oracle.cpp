#include "oracle.hpp"

#include "wire/encoder.hpp"
#include "wire/framer.hpp"

namespace heim::sim {
namespace {

std::string show(char tag, std::string_view body) {
  std::string text = std::string("'") + tag + "' ";
  for (const char c : body.substr(0, 120)) text += c >= ' ' && c < 127 ? c : '.';
  return text;
}

/// The first value of a DataRow and how many there are.
std::pair<std::size_t, std::string> first_value(std::string_view body) {
  wire::Fields fields(as_bytes(body));
  const std::size_t count = fields.u16();
  return {count, count ? std::string(as_text(fields.bytes(fields.u32()))) : std::string()};
}

std::vector<std::string> columns_of(std::string_view body) {
  wire::Fields fields(as_bytes(body));
  std::vector<std::string> columns(fields.u16());
  for (std::string& column : columns) column = as_text(fields.bytes(fields.u32()));
  return columns;
}

/// A host whose world does not change: for looking ahead.
class Nowhere final : public SessionHost {};

/// What would have been written, had the answers come.
class Unheard final : public SessionHost {
 public:
  std::vector<Write> writes;

 private:
  void on_commit(const std::vector<Write>& more) override { add(more); }
  void on_abort(const std::vector<Write>& more) override { add(more); }
  void add(const std::vector<Write>& more) {
    writes.insert(writes.end(), more.begin(), more.end());
  }
};

}  // namespace

Oracle::Oracle(Judge& judge, const Tolerance& tolerance, std::uint32_t client, Gucs gucs)
    : judge_(judge), tolerance_(tolerance), client_(client), session_(this, std::move(gucs)) {
  if (tolerance_.loose_when_failed) session_.allow_parse_when_failed();
}

bool Oracle::quiet() {
  session_.drop_silent();
  return expected_.empty() && session_.quiet();
}

bool Oracle::foresee() {
  bool flush = false;
  Duration work{};
  while (expected_.empty()) {
    if (session_.step(expected_, flush, work) != Session::Progress::worked) break;
  }
  return !expected_.empty();
}

std::string Oracle::received(char tag, std::string_view body) {
  if (fatal_) return "a message after a FATAL error: " + show(tag, body);
  wire::Fields fields(as_bytes(body));
  switch (tag) {
    case 'S': {
      const std::string name(fields.string());
      parameter(name, std::string(fields.string()));
      return {};
    }
    case 'A':
      return notification(body);
    case 'N':
      if (body.find("notifications may have been lost") == body.npos) return match(tag, body);
      for (auto& [name, channel] : channels_) channel.whole = false;
      return {};
    case 'E':
      return error(body);
    case 'Z':
      return ready(body);
    default:
      return match(tag, body);
  }
}

std::string Oracle::notification(std::string_view body) {
  wire::Fields fields(as_bytes(body));
  fields.u32();
  const std::string name(fields.string());
  // It comes right after the commit that made it or began to listen.
  if (!channels_.contains(name)) foresee();
  const auto channel = channels_.find(name);
  if (channel == channels_.end()) {
    return "a notification on channel " + name + ", never listened to";
  }
  judge_.heard(client_, std::string(fields.string()), channel->second);
  return {};
}

// What is committed from now on, it must hear.
void Oracle::begin_to_listen() {
  for (auto& [name, channel] : channels_) {
    if (!std::exchange(channel.begins, false)) continue;
    channel.since = judge_.notifications();
    channel.whole = true;
  }
}

// Reported parameters are judged at ReadyForQuery: who sends them when is the sender's affair.
bool Oracle::foresee_answer(wire::Header& header) {
  do {
    if (!foresee()) return false;
    wire::peek(wire::Origin::server, as_bytes(expected_), header);
    if (header.tag == 'S' || header.tag == 'A') expected_.erase(0, header.total());
  } while (header.tag == 'S' || header.tag == 'A' || expected_.empty());
  return true;
}

std::string Oracle::match(char tag, std::string_view body) {
  rows_shown_ |= tag == 'D';
  if (expected_.empty()) read_uncertain_ = false;  // rows may be foreseen with what describes them
  wire::Header header;
  if (!foresee_answer(header)) {
    return "nothing was to be answered, but there came " + show(tag, body);
  }
  const std::string expected = expected_.substr(wire::header_size, header.body);
  expected_.erase(0, header.total());
  const char wanted = static_cast<char>(header.tag);
  if (wanted == tag) return match_body(tag, body, expected);
  return "expected " + show(wanted, expected) + ", but there came " + show(tag, body);
}

std::string Oracle::match_body(char tag, std::string_view body, std::string_view expected) {
  if (tag == 'N') return {};
  const bool shape = tag == 'T' ? expected.substr(2, 6) == std::string_view("shape\0", 6)
                                : tag == 'D' && session_.on_shape();
  if (tag == 'D' && session_.on_tables()) return match_tables(body, expected);
  if (shape) return match_shape(tag, body, expected);
  if (expected == body || read_uncertain_) return {};
  if (tag == 'D' && session_.on_unreported_setting()) return match_setting(body);
  return "expected " + show(tag, expected) + ", but there came " + show(tag, body);
}

/// Rows of a table whose columns change: any number of them, but the number that was last
/// announced.
std::string Oracle::match_shape(char tag, std::string_view body, std::string_view expected) {
  if (tag == 'T') {
    shape_columns_ = wire::Fields(as_bytes(body)).u16();
    return {};
  }
  const auto [count, first] = first_value(body);
  if (first != first_value(expected).second)
    return "a row for another statement: " + show(tag, body);
  if (!tolerance_.reshapes && shape_columns_ != 0 && count != shape_columns_) {
    return "a row of " + std::to_string(count) + " columns where " +
           std::to_string(shape_columns_) + " were described";
  }
  return {};
}

/// The newest writes of tables: the session's own while its transaction is open, else whatever is
/// new enough.
std::string Oracle::match_tables(std::string_view body, std::string_view expected) {
  const std::vector<std::string> shown = columns_of(body), foreseen = columns_of(expected);
  const Run& run = session_.run_of_tables();
  const Fresh fresh = run.statement.loose ? Fresh::any : Fresh::strict;
  if (shown.size() != foreseen.size() || shown[0] != foreseen[0]) {
    return "a row for another statement: " + show('D', body);
  }
  for (std::size_t i = 1; i < shown.size(); ++i) {
    if (foreseen[i].empty()) {
      const std::string wrong =
          judge_.history().read(run.statement.tables[i - 1], shown[i], run.snapshot, fresh, seen_);
      if (!wrong.empty()) return wrong;
    } else if (shown[i] != foreseen[i]) {
      return "a read shows '" + shown[i] + "', but its transaction has written " + foreseen[i];
    }
  }
  return {};
}

/// A parameter whose value nobody keeps between transactions: unset, or ours; never another
/// client's.
std::string Oracle::match_setting(std::string_view body) {
  const std::string own = "v" + std::to_string(client_) + "x";
  const auto [count, value] = first_value(body);
  const bool foreign = value.starts_with('v') && !value.starts_with(own);
  if (tolerance_.keeps_settings || count != 1 || foreign)
    return "the wrong value of a setting: " + show('D', body);
  return {};
}

bool Oracle::tolerated(const std::set<std::string>& list, const std::string& sqlstate) const {
  return list.contains(sqlstate) || list.contains(sqlstate.substr(0, 2));
}

bool Oracle::explained(const std::string& sqlstate) {
  if (tolerated(tolerance_.errors, sqlstate) || tolerated(tolerance_.lost_errors, sqlstate))
    return true;
  const bool bound = rows_shown_ || session_.status() == 'E';
  // What of a block came in parts is not asked again elsewhere.
  const bool stays = sqlstate == "40001" && session_.in_read_only_block();
  if ((bound || stays) && tolerated(tolerance_.after_rows, sqlstate)) return true;
  if (sqlstate == "57014" && cancels_ > 0) return --cancels_, true;
  if (tolerance_.loose_when_failed && session_.status() == 'E') {
    static const std::set<std::string> usual{"25P02", "26000", "34000", "42P05", "42601", "08P01"};
    if (usual.contains(sqlstate)) return true;
  }
  return sqlstate == "0A000" && tolerance_.ddl;
}

bool Oracle::foresees_error(std::string_view sqlstate, std::string_view message) {
  std::string next = expected_;
  if (next.empty()) {
    Nowhere nowhere;
    Session trial = session_;
    trial.set_host(&nowhere);
    bool flush = false;
    Duration work{};
    while (next.empty() && trial.step(next, flush, work) == Session::Progress::worked) {
    }
  }
  wire::Header header;
  if (wire::peek(wire::Origin::server, as_bytes(next), header) != wire::Peek::ok ||
      header.tag != 'E')
    return false;
  const auto view = wire::read_error(as_bytes(next).subspan(wire::header_size, header.body));
  // One SQLSTATE for a cancel request and for CopyFail: only the text tells them apart.
  return view.sqlstate == sqlstate && (sqlstate != "57014" || view.message == message);
}

std::string Oracle::error(std::string_view body) {
  const auto view = wire::read_error(as_bytes(body));
  const std::string sqlstate(view.sqlstate);
  if (view.severity == "FATAL") {
    fatal_ = true;
    return explained(sqlstate) ? "" : "a FATAL error without cause: " + show('E', body);
  }
  if (foresees_error(sqlstate, view.message)) {
    foresee();
    wire::Header header;
    wire::peek(wire::Origin::server, as_bytes(expected_), header);
    expected_.erase(0, header.total());
    return {};
  }
  if (!explained(sqlstate)) {
    if (!foresee())
      return "nothing was to be answered, but there came the error " + show('E', body);
    return "expected " + show(expected_[0], expected_.substr(5)) + ", but there came the error " +
           show('E', body);
  }
  if (quiet() && !session_.copying_in())
    return "an error while nothing was asked: " + show('E', body);
  lost_ = tolerated(tolerance_.lost_errors, sqlstate) ||
          (rows_shown_ && sqlstate != "40001" && tolerated(tolerance_.after_rows, sqlstate));
  if (!expected_.empty() && expected_[0] == 'Z')
    return {};  // in front of the ReadyForQuery that is due
  expected_.clear();
  if (lost_) doubt_unheard();
  session_.fail_here();
  return {};
}

// The connection was lost in the middle of the answers: what was to come may have happened.
void Oracle::doubt_unheard() {
  Unheard unheard;
  Session trial = session_;
  trial.set_host(&unheard);
  bool flush = false;
  Duration work{};
  std::string out;
  while (trial.step(out, flush, work) == Session::Progress::worked) {
  }
  for (const Write& write : unheard.writes) {
    judge_.outcome_unknown(write.tag);
    uncertain_.insert(write.key);
  }
}

std::string Oracle::ready(std::string_view body) {
  if (body.size() != 1) return "a ReadyForQuery of the wrong length";
  wire::Header header;
  do {
    if (!foresee()) return "a ReadyForQuery nobody waits for";
    wire::peek(wire::Origin::server, as_bytes(expected_), header);
    if (header.tag != 'Z' && header.tag != 'S' && header.tag != 'A') {
      return "expected " + show(expected_[0], expected_.substr(5)) +
             ", but there came ReadyForQuery";
    }
    if (header.tag != 'Z') expected_.erase(0, header.total());
  } while (header.tag != 'Z');
  const char status = expected_[wire::header_size];
  expected_.erase(0, header.total());
  if (status != body[0]) {
    if (!lost_ || body[0] != 'I') {
      return std::string("expected ReadyForQuery with status ") + status + ", but it says " +
             body[0];
    }
    session_.lose_transaction();
  }
  lost_ = false;
  rows_shown_ &= session_.status() != 'I';
  begin_to_listen();
  ++readies_;
  return check_parameters();
}

std::string Oracle::check_parameters() {
  for (const auto& [name, value] : session_.gucs().reported()) {
    if (!find_guc(name)->settable) continue;
    const auto it = reported_.find(name);
    if (it == reported_.end()) return "parameter " + name + " was never reported";
    const auto startup = startup_.find(name);
    if (it->second != value && startup != startup_.end() && startup->second == it->second) {
      session_.adopt_setting(name, it->second);
      continue;
    }
    if (it->second != value) {
      return "parameter " + name + " was last reported as '" + it->second + "', but is '" + value +
             "'";
    }
  }
  return {};
}

// ---- the world as the client knows it

void Oracle::on_commit(const std::vector<Write>& writes) {
  for (const Write& write : writes) {
    judge_.acknowledged(write.tag);
    judge_.history().own(write.tag, seen_);
    values_[write.key] = write.value;
    writers_[write.key] = write.tag;
  }
}

void Oracle::on_abort(const std::vector<Write>& writes) {
  for (const Write& write : writes) {
    if (lost_) {
      judge_.outcome_unknown(write.tag);
      uncertain_.insert(write.key);
    } else {
      judge_.rolled_back(write.tag);
    }
  }
}

std::string Oracle::read(const std::string& key) {
  if (uncertain_.contains(key)) read_uncertain_ = true;
  const auto writer = writers_.find(key);
  if (writer != writers_.end() && !judge_.history().keeps(writer->second)) {
    read_uncertain_ = true;  // a failover has lost it
  }
  const auto it = values_.find(key);
  return it == values_.end() ? std::string() : it->second;
}

// Foreseen, before the server does it.
void Oracle::listen(const std::string& name, bool on) {
  if (on) {
    Judge::Ear& channel = channels_[name];
    channel.begins |= !channel.whole;
    return;
  }
  for (auto& [each, channel] : channels_) {
    if (name == "*" || name == each) channel.begins = channel.whole = false;
  }
}

}  // namespace heim::sim
