#include "session.hpp"

#include "wire/encoder.hpp"
#include "wire/framer.hpp"

namespace heim::sim {

Session::Session(SessionHost* host, Gucs gucs)
    : host_(host), gucs_(std::move(gucs)), last_reported_(gucs_.reported()) {}

void Session::receive(char tag, std::string_view body, std::uint64_t stamp) {
  if (mode_ != Mode::ended) messages_.push_back({tag, std::string(body), stamp});
}

void Session::cancel() {
  if (mode_ == Mode::running || mode_ == Mode::copy_in) cancel_pending_ = true;
}

void Session::notify(const std::string& channel, const std::string& payload) {
  notifications_.emplace_back(channel, payload);
}

Session::Progress Session::step(std::string& out, bool& flush, Duration& work) {
  step_ = {&out, &flush, &work};
  work = Duration(0);
  if (mode_ == Mode::ended) return Progress::ended;
  if (mode_ == Mode::running) {
    run();
  } else if (mode_ == Mode::ready && simple_open_) {
    start_simple();
  } else if (messages_.empty()) {
    if (mode_ == Mode::ready && !in_transaction_ && !skipping_ && !notifications_.empty()) {
      deliver_notifications();
      flush = true;
    }
    return Progress::wants;
  } else {
    take_message();
  }
  return mode_ == Mode::ended ? Progress::ended : Progress::worked;
}

void Session::take_message() {
  const Message message = std::move(messages_.front());
  messages_.pop_front();
  stamp_ = message.stamp;
  if (mode_ == Mode::copy_in) return copy_message(message);
  *step_.work = std::chrono::microseconds(2);
  if (message.tag == 'X') return end();
  if (skipping_ && message.tag != 'S') return;
  dispatch(message);
}

void Session::dispatch(const Message& message) {
  source_ = Source::extended;
  switch (message.tag) {
    case 'Q':
      return simple_query(message);
    case 'F':
      return function_call(message);
    case 'P':
      return parse_message(message.body);
    case 'B':
      return bind_message(message.body);
    case 'D':
      return describe_message(message.body);
    case 'E':
      return execute_message(message.body);
    case 'C':
      return close_message(message.body);
    case 'H':
      *step_.flush = true;
      return;
    case 'S':
      return sync();
    case 'd':
    case 'c':
    case 'f':
      return;  // left over from a COPY that failed
    default:
      break;
  }
  wire::error(*step_.out, {"FATAL", "08P01", "invalid frontend message type"});
  end();
}

/// The backend exits. What was not committed is gone.
void Session::end() {
  *step_.flush = true;
  lose_transaction();
  mode_ = Mode::ended;
}

void Session::simple_query(const Message& message) {
  source_ = Source::simple;
  simple_open_ = true;
  start_transaction();
  prepared_.erase("");
  portals_.erase("");
  wire::Fields fields(as_bytes(message.body));
  auto parsed = parse(fields.string());
  if (!parsed) return error(parsed.error().sqlstate, parsed.error().message);
  simple_.assign(parsed->begin(), parsed->end());
  if (simple_.empty()) {
    wire::message(*step_.out, 'I', {});
    if (!block_ && !commit()) return;
  }
}

void Session::function_call(const Message& message) {
  source_ = Source::function;
  start_transaction();
  wire::Fields fields(as_bytes(message.body));
  fields.u32();
  for (std::uint16_t formats = fields.u16(); formats > 0; --formats) fields.u16();
  run_ = {};
  run_.statement.verb = Verb::function_call;
  if (fields.u16() > 0) run_.tag = as_text(fields.bytes(fields.u32()));
  fields.u16();
  if (!fields.done()) return error("08P01", "invalid function call message");
  if (failed_) {
    return error("25P02",
                 "current transaction is aborted, commands ignored until end of "
                 "transaction block");
  }
  mode_ = Mode::running;
}

void Session::sync() {
  skipping_ = false;
  if (!block_ && in_transaction_ && !commit()) {
    skipping_ = false;  // the Sync that found the error also ends it
  }
  ready();
}

void Session::ready() {
  simple_open_ = false;
  mode_ = Mode::ready;
  report_parameters();
  if (!in_transaction_) deliver_notifications();
  wire::ready(*step_.out, status());
  *step_.flush = true;
}

void Session::error(std::string_view sqlstate, const std::string& text) {
  wire::error(*step_.out, {"ERROR", sqlstate, text});
  *step_.flush = true;
  after_error();
}

void Session::notice(std::string_view sqlstate, const std::string& text) {
  wire::error(*step_.out, {"WARNING", sqlstate, text}, 'N');
  *step_.flush = true;
}

void Session::after_error() {
  abort();
  simple_.clear();
  copied_.clear();
  cancel_pending_ = false;
  mode_ = Mode::ready;
  if (source_ == Source::extended) {
    skipping_ = true;
  } else {
    ready();
  }
}

void Session::drop_silent() {
  while ((mode_ == Mode::copy_in || (mode_ == Mode::ready && !simple_open_)) &&
         !messages_.empty()) {
    const char tag = messages_.front().tag;
    const bool leftover = tag == 'd' || tag == 'c' || tag == 'f' || tag == 'H';
    const bool silent =
        mode_ == Mode::copy_in ? tag == 'H' || tag == 'S' : leftover || (skipping_ && tag != 'S');
    if (!silent) return;
    messages_.pop_front();
  }
}

void Session::fail_here() {
  std::string ignored;
  bool flush = false;
  Duration work{};
  step_ = {&ignored, &flush, &work};
  // What is being answered: the statement that runs, the rest of a simple query, or the next
  // message.
  drop_silent();
  if (mode_ == Mode::ready && !simple_open_ && !messages_.empty()) {
    const char tag = messages_.front().tag;
    source_ = tag == 'Q' ? Source::simple : tag == 'F' ? Source::function : Source::extended;
    if (tag != 'S') messages_.pop_front();  // the ReadyForQuery that follows belongs to the Sync
  }
  abort();
  simple_.clear();
  copied_.clear();
  mode_ = Mode::ready;
  if (source_ == Source::extended) {
    skipping_ = true;
    return;
  }
  // The ReadyForQuery that must follow is foretold by the next step.
  simple_open_ = true;
}

void Session::report_parameters() {
  const auto now = gucs_.reported();
  for (const auto& [name, value] : now) {
    if (last_reported_[name] != value) wire::parameter_status(*step_.out, name, value);
  }
  last_reported_ = now;
}

void Session::deliver_notifications() {
  for (const auto& [channel, payload] : notifications_) {
    wire::Writer(*step_.out, 'A').u32(1).string(channel).string(payload);
  }
  notifications_.clear();
}

std::string Session::describe() const {
  static constexpr const char* modes[] = {"ready", "running", "copy in", "ended"};
  return std::string(modes[static_cast<int>(mode_)]) + ", status " + status() + ", " +
         std::to_string(messages_.size()) + " messages waiting" +
         (skipping_ ? ", skipping to Sync" : "") + ", at " + current_tag_;
}

}  // namespace heim::sim
