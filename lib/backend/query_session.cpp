// Statements about the session, which the handler does not see.
#include "backend/link.hpp"
#include "backend/query.hpp"
#include "wire/encoder.hpp"

namespace heim::backend {
namespace {

using Kind = SessionAct::Kind;

std::string_view tag_of(Kind kind) {
  switch (kind) {
    case Kind::set:
      return "SET";
    case Kind::set_config:
      return "SELECT 1";
    case Kind::show:
      return "SHOW";
    case Kind::discard_all:
      return "DISCARD ALL";
    case Kind::deallocate:
      return "DEALLOCATE";
    case Kind::deallocate_all:
      return "DEALLOCATE ALL";
    default:
      return "RESET";
  }
}

bool has_row(Kind kind) { return kind == Kind::set_config || kind == Kind::show; }

}  // namespace

// What is shown and nobody knows may mean something to the handler.
std::optional<std::vector<SessionAct>> QueryConnection::own(std::string_view sql) const {
  auto acts = read_session_text(sql);
  if (!acts) return acts;
  for (const SessionAct& each : *acts) {
    if (each.kind == Kind::show && !parameters_.find(each.name)) return std::nullopt;
  }
  return acts;
}

void QueryConnection::act(std::span<const SessionAct> acts, bool simple, const Formats& formats) {
  // One SELECT with several calls has one row.
  std::vector<Column> columns;
  std::vector<std::string> row;
  for (std::size_t i = 0; i < acts.size(); ++i) {
    std::string value;
    if (!act(acts[i], value)) return;
    const Kind kind = acts[i].kind;
    if (has_row(kind)) {
      columns.push_back({kind == Kind::show ? acts[i].name : "set_config", oid::text});
      row.push_back(std::move(value));
    }
    const bool goes_on =
        kind == Kind::set_config && i + 1 < acts.size() && acts[i + 1].kind == kind;
    if (goes_on) continue;
    if (!row.empty()) {
      if (simple) put_columns(out_, columns, formats);
      wire::data_row(out_, row);
      columns.clear();
      row.clear();
    }
    wire::command_complete(out_, tag_of(kind));
  }
}

bool QueryConnection::set(const SessionAct& act, std::string& value) {
  const std::string* before = parameters_.find(act.name);
  const std::string was = before ? *before : "";
  const Result<std::string> now = parameters_.set(act.name, act.value);
  if (!now) return error(now.error().sqlstate, now.error().message), false;
  value = *now;
  if (value != was) report(act.name);
  return true;
}

// False: it failed.
bool QueryConnection::act(const SessionAct& act, std::string& value) {
  switch (act.kind) {
    case Kind::set:
    case Kind::set_config:
      return set(act, value);
    case Kind::reset:
      for (const std::string& name : parameters_.reset(act.name)) report(name);
      return true;
    case Kind::reset_all:
      for (const std::string& name : parameters_.reset_all()) report(name);
      return true;
    case Kind::show:
      value = *parameters_.find(act.name);
      return true;
    case Kind::discard_all:
      return discard_all(), !failed_;
    case Kind::deallocate:
      if (statements_.erase(act.name) > 0) return true;
      return error("26000", "prepared statement \"" + act.name + "\" does not exist"), false;
    case Kind::deallocate_all:
      return statements_.clear(), true;
    case Kind::nothing:
      break;
  }
  return true;
}

void QueryConnection::report(std::string_view name) {
  const std::string_view reported = Parameters::reported_name(name);
  if (!reported.empty()) wire::parameter_status(out_, reported, *parameters_.find(name));
}

void QueryConnection::discard_all() {
  if (status_ != 'I') {
    return error("25001", "DISCARD ALL cannot run inside a transaction block");
  }
  statements_.clear();
  portals_.clear();
  for (const std::string& name : parameters_.reset_all()) report(name);
  const Result<void> done = handler_->reset();
  if (!done) error(done.error().sqlstate, done.error().message);
}

}  // namespace heim::backend
