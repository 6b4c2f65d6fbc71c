// What the statements of a simulated session mean: their rows and their effects.
//
//   echo(tag, n[, width])  n rows of (tag, number, filler)      nap(tag, ms)       takes that long
//   read(tag, key)         the newest value written             fail(tag)          an error
//   setting(tag, name)     a run-time parameter                 defer_fail(tag)    an error at
//   commit set_config(name, value, local)                              notice(tag)        a notice
//   before the row shape(tag)             as many columns as ALTER TABLE says  temp(tag) is there a
//   temporary table pg_is_in_recovery()
//   put_row(tag, key, value): writes table "audit"      pg_current_wal_insert_lsn(),
//   pg_last_wal_replay_lsn()
#include <algorithm>

#include "session.hpp"
#include "wire/encoder.hpp"

namespace heim::sim {
namespace {

std::uint32_t number(const std::string& text) {
  std::uint32_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') break;
    value = value * 10 + static_cast<std::uint32_t>(c - '0');
  }
  return value;
}

}  // namespace

std::string Session::text_of(const Value& value, const Run& run) const {
  if (value.setting) return gucs_.show(value.text);
  if (value.parameter == 0) return value.text;
  return value.parameter <= run.arguments.size() ? run.arguments[value.parameter - 1]
                                                 : std::string();
}

std::string Session::argument(const Call& call, std::size_t index, const Run& run) const {
  return index < call.arguments.size() ? text_of(call.arguments[index], run) : std::string();
}

std::string Session::tag_of(const Run& run) const {
  const Statement& statement = run.statement;
  if (!statement.comment.empty()) return statement.comment;
  if (!statement.calls.empty()) return argument(statement.calls[0], 0, run);
  if (!statement.values.empty()) return text_of(statement.values[0], run);
  return run.tag;
}

Duration Session::cost(const Run& run) const {
  using std::chrono::milliseconds;
  const auto& calls = run.statement.calls;
  if (!calls.empty() && calls[0].function == "nap") {
    return milliseconds(std::min<std::uint32_t>(number(argument(calls[0], 1, run)), 60000));
  }
  return std::chrono::microseconds(30);
}

std::uint32_t Session::row_count(const Run& run) const {
  const Statement& statement = run.statement;
  if (statement.verb == Verb::show || !statement.tables.empty()) return 1;
  if (statement.verb == Verb::insert_returning) return 1;
  if (statement.verb == Verb::state) {
    return static_cast<std::uint32_t>(state_rows(statement.text).size());
  }
  if (statement.calls.empty()) return 0;
  const Call& call = statement.calls[0];
  return call.function == "echo" ? number(argument(call, 1, run)) : 1;
}

std::vector<std::string> Session::columns(const Run& run) const {
  const Statement& statement = run.statement;
  if (statement.verb == Verb::show) return {canonical_guc(statement.name)};
  if (statement.verb == Verb::insert_returning) return {"note"};
  if (!statement.tables.empty()) {
    std::vector<std::string> names = statement.tables;
    names.insert(names.begin(), "?column?");
    return names;
  }
  if (statement.verb == Verb::state) return {"kind", "name", "value", "context"};
  std::vector<std::string> names;
  for (const Call& call : statement.calls) names.push_back(call.function);
  if (names.empty()) return names;
  if (names[0] == "echo") return {"tag", "number", "filler"};
  if (names[0] == "shape") names.resize(1 + run.shape % 3, "added");
  return names;
}

std::vector<std::string> Session::values(const Run& run, std::uint32_t row) const {
  const Statement& statement = run.statement;
  if (statement.verb == Verb::show) return {gucs_.show(statement.name)};
  if (statement.calls.empty() && statement.verb != Verb::state) return table_row(run);
  if (statement.verb == Verb::state) return state_rows(statement.text)[row];
  const Call& first = statement.calls[0];
  if (first.function == "echo") {
    const std::uint32_t width = number(argument(first, 2, run));
    return {argument(first, 0, run), std::to_string(row),
            std::string(width, static_cast<char>('a' + row % 26))};
  }
  std::vector<std::string> out;
  for (const Call& call : statement.calls) out.push_back(call_value(call, run));
  if (first.function == "shape") out.resize(1 + run.shape % 3, "added");
  return out;
}

// What is in the database: all functions are volatile, one writes; all tables are ordinary ones.
std::vector<std::vector<std::string>> catalog_rows() {
  std::vector<std::vector<std::string>> rows;
  for (const char* const name : {"echo", "nap", "read", "fail", "setting", "defer_fail", "notice",
                                 "shape", "temp", "put_row"}) {
    rows.push_back({"f", name, "false"});
    rows.push_back({"P", name, "v"});
  }
  rows.push_back({"B", "put_row", "audit"});
  for (const char* const name : {"orders", "lines", "items", "audit"}) {
    rows.push_back({"T", name, "rp"});
  }
  return rows;
}

// What the proxy asks after statements that may have changed the session: see
// session/state_probe.hpp.
std::vector<std::vector<std::string>> Session::state_rows(const std::string& question) const {
  std::vector<std::vector<std::string>> rows;
  const auto asks = [&](const char* what) { return question.find(what) != question.npos; };
  if (asks("pg_depend d")) return catalog_rows();
  static constexpr std::string_view by_name = "current_setting(E'";
  for (std::size_t at = question.find(by_name); at != question.npos;
       at = question.find(by_name, at + 1)) {
    const std::size_t from = at + by_name.size();
    const std::string name = question.substr(from, question.find('\'', from) - from);
    if (gucs_.known(name)) rows.push_back({"v", name, gucs_.show(name), ""});
  }
  if (asks("pg_settings")) {
    for (const auto& [name, value] : gucs_.of_session()) {
      rows.push_back({"g", name, value, "user"});
    }
    rows.push_back({"r", user_, "none", ""});
  }
  if (asks("pg_prepared_statements")) {
    for (const auto& [name, prepared] : prepared_) {
      if (prepared.from_sql) rows.push_back({"p", name, prepared.text, ""});
    }
  }
  if (asks("pg_my_temp_schema") && temp_table_) rows.push_back({"t", "", "", ""});
  if (asks("pg_listening_channels")) {
    for (const std::string& channel : channels_) rows.push_back({"n", channel, "", ""});
  }
  return rows;
}

std::string Session::call_value(const Call& call, const Run& run) const {
  if (call.function == "set_config") return argument(call, 1, run);
  if (call.function == "setting") return gucs_.show(argument(call, 1, run));
  if (call.function == "temp") return temp_table_ ? "yes" : "no";
  if (call.function == "pg_is_in_recovery") return host_->read_only() ? "t" : "f";
  if (call.function.ends_with("_lsn")) return host_->wal_position(call.function);
  if (call.function == "read") {
    const std::string key = argument(call, 1, run);
    for (auto write = writes_.rbegin(); write != writes_.rend(); ++write) {
      if (write->key == key) return write->value;
    }
    return host_->read(key);
  }
  return argument(call, 0, run);
}

bool Session::on_unreported_setting() const {
  const Statement& statement = run_.statement;
  std::string name = statement.verb == Verb::show ? statement.name : "";
  if (!statement.calls.empty() && statement.calls[0].function == "setting")
    name = argument(statement.calls[0], 1, run_);
  const KnownGuc* guc = find_guc(name);
  return !name.empty() && (!guc || !guc->reported);
}

void Session::row_description(const Run& run) {
  wire::row_description_of(*step_.out, columns(run));
}

bool Session::apply_set(const std::string& name, const std::string& value, bool local) {
  const KnownGuc* guc = find_guc(name);
  if (!gucs_.known(name)) {
    error("42704", "unrecognized configuration parameter \"" + name + "\"");
    return false;
  }
  if (guc && !guc->settable) {
    error("55P02", "parameter \"" + name + "\" cannot be changed");
    return false;
  }
  gucs_.set(name, value, local);
  return true;
}

bool Session::set_config(const Call& call) {
  const std::string name = argument(call, 0, run_);
  const bool local = argument(call, 2, run_) == "true";
  if (call.arguments.size() < 2 || !call.arguments[1].null) {
    return apply_set(name, argument(call, 1, run_), local);
  }
  gucs_.set_default_now(name, local);
  return true;
}

std::string Session::prepare(const Statement& statement) {
  auto inner = parse(statement.inner);
  if (!inner || inner->size() != 1) return error("42601", "syntax error"), "";
  if (prepared_.contains(statement.name)) {
    return error("42P05", "prepared statement \"" + statement.name + "\" already exists"), "";
  }
  inner->front().comment.clear();  // the tag of this PREPARE, not of its executions
  prepared_[statement.name] = {inner->front(), statement.text, host_->schema(), true};
  return "PREPARE";
}

std::string Session::apply() {
  const Statement& statement = run_.statement;
  switch (statement.verb) {
    case Verb::select:
      for (const Call& call : statement.calls) {
        if (call.function == "set_config" && !set_config(call)) return {};
        if (call.function == "notice") notice("01000", argument(call, 0, run_));
        if (call.function == "defer_fail") fail_at_commit_ = true;
      }
      return "SELECT " + std::to_string(sent_now_);
    case Verb::copy_out:
      return "COPY " + std::to_string(run_.sent);
    case Verb::state:
      return "SELECT " + std::to_string(sent_now_);
    case Verb::show:
      return "SHOW";
    case Verb::set:
      return apply_set(statement.name, text_of(statement.values[0], run_), statement.local) ? "SET"
                                                                                            : "";
    case Verb::reset:
      statement.name == "all" ? gucs_.reset_all() : gucs_.reset(statement.name);
      return "RESET";
    case Verb::alter:
      return altered_ = true, "ALTER TABLE";
    case Verb::create_temp:
      return temp_table_ = true, "CREATE TABLE";
    case Verb::discard_all:
      gucs_.reset_all();
      prepared_.clear();
      portals_.clear();
      temp_table_ = false;
      listens_.emplace_back("*", false);
      return "DISCARD ALL";
    case Verb::deallocate:
      if (statement.name == "all") return prepared_.clear(), "DEALLOCATE ALL";
      if (prepared_.erase(statement.name) == 0) {
        error("26000", "prepared statement \"" + statement.name + "\" does not exist");
        return {};
      }
      return "DEALLOCATE";
    case Verb::prepare:
      return prepare(statement);
    case Verb::listen:
      return listens_.emplace_back(statement.name, true), "LISTEN";
    case Verb::unlisten:
      return listens_.emplace_back(statement.name, false), "UNLISTEN";
    case Verb::notify:
      notifies_.emplace_back(statement.name, text_of(statement.values[0], run_));
      return "NOTIFY";
    case Verb::function_call:
      return "FUNCTION";
    default:
      return apply_change();
  }
}

}  // namespace heim::sim
