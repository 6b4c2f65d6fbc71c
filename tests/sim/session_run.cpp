// Running one statement of a simulated session, a piece at a time.
#include "session.hpp"
#include "wire/encoder.hpp"

namespace heim::sim {

void Session::start_simple() {
  if (simple_.empty()) return ready();
  run_ = {};
  run_.statement = std::move(simple_.front());
  simple_.pop_front();
  limit_ = sent_now_ = 0;
  mode_ = Mode::running;
  start_transaction();
}

void Session::run() {
  if (cancel_pending_ && run_.started) {
    host_->on_cancelled(run_.tag);
    return error("57014", "canceling statement due to user request");
  }
  if (!run_.started) return begin_run();
  if (evicted()) return;
  if (run_.sent >= run_.rows) return finish_run();
  if (limit_ != 0 && sent_now_ == limit_) return suspend();
  emit_row();
}

/// What must hold before a statement starts. False if an error was written.
bool Session::prepare_run() {
  if (failed_ && !run_.statement.ends_transaction()) {
    error("25P02",
          "current transaction is aborted, commands ignored until end of transaction block");
    return false;
  }
  if (run_.statement.verb == Verb::execute && !begin_execute()) return false;
  const Verb verb = run_.statement.verb;
  if (!may_write()) return false;
  if (verb == Verb::discard_all && (block_ || (source_ == Source::simple && !simple_.empty()))) {
    error("25001", "DISCARD ALL cannot run inside a transaction block");
    return false;
  }
  return true;
}

bool Session::begin_execute() {
  const auto found = prepared_.find(run_.statement.name);
  if (found == prepared_.end() || !found->second.statement) {
    error("26000", "prepared statement \"" + run_.statement.name + "\" does not exist");
    return false;
  }
  if (!usable_shape(found->second)) return false;
  std::vector<std::string> arguments;
  for (const Value& value : run_.statement.values) arguments.push_back(text_of(value, run_));
  run_.statement = *found->second.statement;
  run_.arguments = std::move(arguments);
  if (run_.arguments.size() == run_.statement.parameters()) return true;
  error("42601", "wrong number of parameters for prepared statement");
  return false;
}

void Session::begin_run() {
  if (!prepare_run()) return;
  if (source_ == Source::simple) run_.shape = host_->schema();
  run_.tag = tag_of(run_);
  run_.started = true;
  current_tag_ = run_.tag;
  // To prepare a statement again elsewhere is not to run one twice.
  if (run_.statement.verb != Verb::prepare) {
    host_->on_started(run_.statement, run_.tag, block_ ? blocks_ : 0);
  }
  snapshot();
  *step_.work = cost(run_);
  const Statement& statement = run_.statement;
  if (!statement.calls.empty() && statement.calls[0].function == "fail") {
    return error("22012", "division by zero");
  }
  run_.rows = row_count(run_);
  if (statement.verb == Verb::copy_in || statement.verb == Verb::copy_out) {
    wire::Writer(*step_.out, statement.verb == Verb::copy_in ? 'G' : 'H').u8(0).u16(0);
    *step_.flush = true;
    if (statement.verb == Verb::copy_in) mode_ = Mode::copy_in;
  } else if (source_ == Source::simple && statement.returns_rows()) {
    row_description(run_);
  }
}

void Session::emit_row() {
  const auto row = values(run_, run_.sent);
  if (run_.statement.verb == Verb::copy_out) {
    std::string line;
    for (const std::string& value : row) (line += line.empty() ? "" : "\t") += value;
    wire::message(*step_.out, 'd', line + "\n");
  } else {
    wire::data_row(*step_.out, row);
  }
  *step_.work = std::chrono::microseconds(1);
  ++run_.sent;
  ++sent_now_;
}

void Session::suspend() {
  portals_[portal_].run = run_;
  mode_ = Mode::ready;
  cancel_pending_ = false;
  wire::message(*step_.out, 's', {});
}

void Session::finish_run() {
  const Verb verb = run_.statement.verb;
  if (verb == Verb::begin || verb == Verb::commit || verb == Verb::rollback) {
    transaction_verb(verb);
    return;
  }
  if (!run_.done) apply_functions();
  const std::string command_tag = apply();
  if (command_tag.empty()) return;
  const bool last = source_ == Source::function || (source_ == Source::simple && simple_.empty()) ||
                    verb == Verb::discard_all;  // which commits at once, even in a pipeline
  if (last && !block_ && !commit()) return;
  if (verb == Verb::copy_out) wire::message(*step_.out, 'c', {});
  complete(command_tag);
}

void Session::complete(const std::string& command_tag) {
  cancel_pending_ = false;
  mode_ = Mode::ready;
  run_.done = true;
  if (source_ == Source::function) {
    wire::Writer(*step_.out, 'V').u32(static_cast<std::uint32_t>(run_.tag.size())).bytes(run_.tag);
    return ready();
  }
  wire::command_complete(*step_.out, command_tag);
  if (source_ == Source::extended && portals_.contains(portal_)) portals_[portal_].run = run_;
}

// ---- COPY FROM STDIN

void Session::copy_message(const Message& message) {
  switch (message.tag) {
    case 'd':
      break;
    case 'c':
      return finish_copy();
    case 'f':
      return error("57014",
                   "COPY from stdin failed: " + message.body.substr(0, message.body.find('\0')));
    case 'H':
    case 'S':
      return;  // as PostgreSQL does, for clients that did not see it was a COPY
    case 'X':
      return end();
    default:
      return error("08P01", "unexpected message type during COPY from stdin");
  }
  copied_ += message.body;
  *step_.work = std::chrono::microseconds(2);
  if (cancel_pending_) {
    host_->on_cancelled(run_.tag);
    return error("57014", "canceling statement due to user request");
  }
  if (copied_.find("bad\n") != std::string::npos) error("22P04", "missing data for column \"key\"");
}

void Session::finish_copy() {
  std::size_t count = 0;
  std::string_view rest = copied_;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
    const std::size_t first = line.find('\t');
    const std::size_t second = first == line.npos ? first : line.find('\t', first + 1);
    if (second == line.npos) return error("22P04", "missing data for column \"value\"");
    writes_.push_back({std::string(line.substr(0, first)),
                       std::string(line.substr(first + 1, second - first - 1)),
                       std::string(line.substr(second + 1)), run_.statement.name});
    ++count;
  }
  copied_.clear();
  mode_ = Mode::running;  // a failing commit is an error of the statement
  if (source_ == Source::simple && simple_.empty() && !block_ && !commit()) return;
  complete("COPY " + std::to_string(count));
}

}  // namespace heim::sim
