// The extended protocol's messages, except for running what Execute asks for.
#include "session.hpp"
#include "wire/encoder.hpp"
#include "wire/framer.hpp"

namespace heim::sim {
namespace {
const std::string aborted =
    "current transaction is aborted, commands ignored until end of transaction block";
}

void Session::parse_message(std::string_view body) {
  wire::Fields fields(as_bytes(body));
  const std::string name(fields.string());
  const std::string text(fields.string());
  for (std::uint16_t types = fields.u16(); types > 0; --types) fields.u32();
  start_transaction();
  if (!fields.done()) return error("08P01", "invalid message format");
  if (name.empty()) prepared_.erase("");
  auto parsed = parse(text);
  if (!parsed) return error(parsed.error().sqlstate, parsed.error().message);
  if (parsed->size() > 1) {
    return error("42601", "cannot insert multiple commands into a prepared statement");
  }
  Prepared prepared{{}, text, host_->schema()};
  if (!parsed->empty()) prepared.statement = std::move(parsed->front());
  if (failed_ && !parse_when_failed_ &&
      !(prepared.statement && prepared.statement->ends_transaction())) {
    return error("25P02", aborted);
  }
  if (!name.empty() && prepared_.contains(name)) {
    return error("42P05", "prepared statement \"" + name + "\" already exists");
  }
  prepared_[name] = std::move(prepared);
  wire::message(*step_.out, '1', {});
}

/// Whether the result still has the columns it had when it was prepared. If not, the error is
/// written.
bool Session::usable_shape(const Prepared& prepared) {
  const bool of_shape = prepared.statement && !prepared.statement->calls.empty() &&
                        prepared.statement->calls[0].function == "shape";
  if (!of_shape || prepared.shape == host_->schema()) return true;
  error("0A000", "cached plan must not change result type");
  return false;
}

void Session::bind_message(std::string_view body) {
  wire::Fields fields(as_bytes(body));
  const std::string portal_name(fields.string());
  const std::string name(fields.string());
  for (std::uint16_t formats = fields.u16(); formats > 0; --formats) fields.u16();
  std::vector<std::string> arguments(fields.u16());
  for (std::string& argument : arguments) argument = as_text(fields.bytes(fields.u32()));
  for (std::uint16_t formats = fields.u16(); formats > 0; --formats) fields.u16();
  start_transaction();
  if (!fields.done()) return error("08P01", "invalid message format");
  const auto found = prepared_.find(name);
  if (found == prepared_.end()) {
    return error("26000", "prepared statement \"" + name + "\" does not exist");
  }
  const Prepared& prepared = found->second;
  const std::uint32_t wanted = prepared.statement ? prepared.statement->parameters() : 0;
  if (arguments.size() != wanted) {
    return error("08P01", "bind message supplies " + std::to_string(arguments.size()) +
                              " parameters, but prepared statement \"" + name + "\" requires " +
                              std::to_string(wanted));
  }
  if (failed_ && !(prepared.statement && prepared.statement->ends_transaction())) {
    return error("25P02", aborted);
  }
  if (!portal_name.empty() && portals_.contains(portal_name)) {
    return error("42P03", "cursor \"" + portal_name + "\" already exists");
  }
  portals_.erase(portal_name);
  if (!usable_shape(prepared)) return;
  Portal portal;
  if (prepared.statement) {
    portal.run.emplace();
    portal.run->statement = *prepared.statement;
    portal.run->arguments = std::move(arguments);
    portal.run->shape = host_->schema();
  }
  portals_[portal_name] = std::move(portal);
  wire::message(*step_.out, '2', {});
}

void Session::describe_message(std::string_view body) {
  wire::Fields fields(as_bytes(body));
  const char what = static_cast<char>(fields.u8());
  const std::string name(fields.string());
  start_transaction();
  Run run;
  if (what == 'S') {
    const auto found = prepared_.find(name);
    if (found == prepared_.end()) {
      return error("26000", "prepared statement \"" + name + "\" does not exist");
    }
    if (!usable_shape(found->second)) return;
    const auto& statement = found->second.statement;
    if (failed_ && statement && statement->returns_rows()) return error("25P02", aborted);
    const std::uint32_t count = statement ? statement->parameters() : 0;
    wire::Writer description(*step_.out, 't');
    description.u16(static_cast<std::uint16_t>(count));
    for (std::uint32_t i = 0; i < count; ++i) description.u32(25);
    if (statement) run.statement = *statement;
    run.shape = host_->schema();
    run.started = statement.has_value();
  } else {
    const auto found = portals_.find(name);
    if (found == portals_.end()) return error("34000", "portal \"" + name + "\" does not exist");
    const auto& bound = found->second.run;
    if (failed_ && bound && bound->statement.returns_rows()) return error("25P02", aborted);
    if (bound) run = *bound;
    run.started = bound.has_value();
  }
  if (run.started && run.statement.returns_rows()) {
    row_description(run);
  } else {
    wire::message(*step_.out, 'n', {});
  }
}

void Session::execute_message(std::string_view body) {
  wire::Fields fields(as_bytes(body));
  portal_ = fields.string();
  limit_ = fields.u32();
  start_transaction();
  const auto found = portals_.find(portal_);
  if (found == portals_.end()) return error("34000", "portal \"" + portal_ + "\" does not exist");
  if (!found->second.run) {
    wire::message(*step_.out, 'I', {});
    return;
  }
  run_ = *found->second.run;
  sent_now_ = 0;
  mode_ = Mode::running;
  if (failed_ && !run_.statement.ends_transaction()) return error("25P02", aborted);
  if (run_.done && !run_.statement.returns_rows()) {
    return error("55000", "portal \"" + portal_ + "\" cannot be run");
  }
}

void Session::close_message(std::string_view body) {
  wire::Fields fields(as_bytes(body));
  const char what = static_cast<char>(fields.u8());
  const std::string name(fields.string());
  start_transaction();
  if (what == 'S') {
    prepared_.erase(name);
  } else {
    portals_.erase(name);
  }
  wire::message(*step_.out, '3', {});
}

}  // namespace heim::sim
