// The extended protocol: statements and portals by their names.
#include <algorithm>

#include "backend/link.hpp"
#include "backend/query.hpp"
#include "wire/encoder.hpp"

namespace heim::backend {
namespace {

constexpr std::size_t most_names = 10000;  // of statements, and of portals

std::string missing(std::string_view what, std::string_view name) {
  return std::string(what) + " \"" + std::string(name) + "\" does not exist";
}

Formats read_formats(wire::Fields& fields) {
  Formats formats;
  for (std::size_t left = fields.u16(); left > 0 && fields.ok(); --left) {
    formats.push_back(fields.u16());
  }
  return formats;
}

}  // namespace

void QueryConnection::on_extended(std::uint8_t tag, Bytes body) {
  switch (tag) {
    case 'P':
      return parse(body);
    case 'B':
      return bind(body);
    case 'D':
      return describe(body);
    case 'E':
      return execute(body);
    default:
      return close_one(body);
  }
}

void QueryConnection::parse(Bytes body) {
  wire::Fields fields(body);
  const std::string name(fields.string());
  Prepared made{std::string(fields.string()), {}};
  const std::size_t count = fields.u16();
  for (std::size_t i = 0; i < count && fields.ok(); ++i) made.types.push_back(fields.u32());
  if (!fields.done()) return error("08P01", "a malformed Parse message");
  if (!name.empty() && statements_.contains(name)) {
    return error("42P05", "prepared statement \"" + name + "\" already exists");
  }
  if (statements_.size() >= most_names) return error("54000", "too many prepared statements");
  statements_[name] = std::move(made);
  wire::message(out_, '1', {});
}

void QueryConnection::bind(Bytes body) {
  wire::Fields fields(body);
  const std::string name(fields.string());
  const std::string_view of = fields.string();
  const auto found = statements_.find(of);
  if (fields.ok() && found == statements_.end()) {
    return error("26000", missing("prepared statement", of));
  }
  if (!name.empty() && portals_.contains(name)) {
    return error("42P03", "cursor \"" + name + "\" already exists");
  }
  if (portals_.size() >= most_names) return error("54000", "too many portals");
  Portal made;
  if (fields.ok()) made.statement = found->second;
  if (!bind_values(fields, made)) {
    return failed_ ? void() : error("08P01", "a malformed Bind message");
  }
  Portal& kept = portals_[name] = std::move(made);
  for (std::size_t i = 0; i < kept.values.size(); ++i) {  // the texts lie where they stay
    if (!kept.values[i].data) continue;
    kept.values[i].data = kept.texts[i].c_str();
    kept.values[i].length = kept.texts[i].size();
  }
  wire::message(out_, '2', {});
}

// A value as the handler gets it: numbers as text, bytes as they are, what is not known here as it
// came. False: it is wrong.
bool QueryConnection::bind_value(std::string_view bytes, Value value, Portal& portal) {
  const bool wants_binary = value.type == oid::bytea;
  std::string turned;
  bool is_turned = false;
  if (value.data && value.binary != wants_binary) {
    is_turned =
        value.binary ? to_text(value.type, bytes, turned) : to_binary(value.type, bytes, turned);
    if (!is_turned && wants_binary) {
      return error("22P02", "invalid input syntax for type bytea"), false;
    }
    if (is_turned) value.binary = wants_binary;
  }
  portal.texts.push_back(is_turned ? std::move(turned) : std::string(bytes));
  portal.values.push_back(value);
  return true;
}

// False: they are wrong, and it may have been said why.
bool QueryConnection::bind_values(wire::Fields& fields, Portal& portal) {
  const Formats formats = read_formats(fields);
  const std::vector<std::uint32_t>& types = portal.statement.types;
  const std::size_t count = fields.u16();
  for (std::size_t i = 0; i < count && fields.ok(); ++i) {
    const std::uint32_t size = fields.u32();
    const bool null = size == 0xffffffff;
    const std::string_view bytes = null ? std::string_view() : as_text(fields.bytes(size));
    const Value value{null ? nullptr : "", 0, i < types.size() ? types[i] : 0,
                      is_binary(formats, i)};
    if (!bind_value(bytes, value, portal)) return false;
  }
  portal.formats = read_formats(fields);
  return fields.done();
}

void QueryConnection::describe(Bytes body) {
  wire::Fields fields(body);
  const std::uint8_t what = fields.u8();
  const std::string_view name = fields.string();
  if (!fields.done()) return error("08P01", "a malformed Describe message");
  if (what == 'S') {
    const auto found = statements_.find(name);
    if (found == statements_.end()) return error("26000", missing("prepared statement", name));
    return describe_statement(found->second, nullptr);
  }
  const auto found = portals_.find(name);
  if (found == portals_.end()) return error("34000", missing("portal", name));
  describe_statement(found->second.statement, &found->second);
}

Answer::Outcome QueryConnection::describe_text(const Prepared& statement,
                                               std::span<const Value> values) {
  Answer::Outcome outcome;
  if (const auto acts = own(statement.sql)) {
    const SessionAct::Kind kind = acts->front().kind;
    outcome.has_columns = kind == SessionAct::Kind::show || kind == SessionAct::Kind::set_config;
    for (const SessionAct& each : *acts) {
      const bool shows = each.kind == SessionAct::Kind::show;
      outcome.columns.push_back({shows ? each.name : "set_config", oid::text});
    }
    return outcome;
  }
  if (is_empty_text(statement.sql)) return outcome;
  if (handler_->describes()) {
    return ask({Answer::Kind::description}, {statement.sql, values, false});
  }
  error("0A000", "this backend cannot describe statements");
  return outcome;
}

void QueryConnection::put_parameters(const Prepared& statement,
                                     std::span<const std::uint32_t> said) {
  std::vector<std::uint32_t> types = statement.types;
  types.resize(std::max(types.size(), said.size()));
  wire::Writer message(out_, 't');
  message.u16(static_cast<std::uint16_t>(types.size()));
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (types[i] == 0 && i < said.size()) types[i] = said[i];
    message.u32(types[i] != 0 ? types[i] : oid::text);
  }
}

// `portal` null: a statement that nobody has bound.
void QueryConnection::describe_statement(Prepared& statement, Portal* portal) {
  Answer::Outcome outcome =
      describe_text(statement, portal ? portal->values : std::span<const Value>());
  if (failed_) return;
  if (!portal) put_parameters(statement, outcome.parameters);
  statement.told = std::nullopt;
  if (!outcome.has_columns) return wire::message(out_, 'n', {});
  put_columns(out_, outcome.columns, portal ? portal->formats : Formats());
  statement.told = std::move(outcome.columns);
}

void QueryConnection::execute(Bytes body) {
  wire::Fields fields(body);
  const std::string_view name = fields.string();
  const std::uint32_t rows_max = fields.u32();
  if (!fields.done()) return error("08P01", "a malformed Execute message");
  const auto found = portals_.find(name);
  if (found == portals_.end()) return error("34000", missing("portal", name));
  Portal& portal = found->second;
  if (portal.done) return fetch(portal, rows_max);
  portal.done = true;
  run(portal, rows_max);
}

void QueryConnection::run(Portal& portal, std::uint32_t rows_max) {
  const std::string& sql = portal.statement.sql;
  if (is_empty_text(sql)) return wire::message(out_, 'I', {});
  if (const auto acts = own(sql)) {
    const Formats formats = portal.formats;  // DISCARD ALL takes the portal away
    return act(*acts, false, formats);
  }
  Answer::Outcome outcome =
      ask({Answer::Kind::portal, portal.formats, rows_max, portal.statement.told},
          {sql, portal.values, false});
  status_ = outcome.status;
  portal.rest = std::move(outcome.rest);
  portal.sizes = std::move(outcome.sizes);
  portal.tag = std::move(outcome.tag);
}

// The rows that it has left.
void QueryConnection::fetch(Portal& portal, std::uint32_t rows_max) {
  const std::size_t left = portal.sizes.size() - portal.next;
  const std::size_t count = rows_max == 0 ? left : std::min<std::size_t>(rows_max, left);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t size = portal.sizes[portal.next++];
    out_.append(portal.rest, portal.at, size);
    portal.at += size;
  }
  const bool is_whole = portal.next == portal.sizes.size();
  if (is_whole) {
    wire::command_complete(out_, portal.tag);
  } else {
    wire::message(out_, 's', {});
  }
  flush();
}

void QueryConnection::close_one(Bytes body) {
  wire::Fields fields(body);
  const std::uint8_t what = fields.u8();
  const std::string_view name = fields.string();
  if (!fields.done()) return error("08P01", "a malformed Close message");
  if (const auto at = statements_.find(name); what == 'S' && at != statements_.end()) {
    statements_.erase(at);
  }
  if (const auto at = portals_.find(name); what == 'P' && at != portals_.end()) portals_.erase(at);
  wire::message(out_, '3', {});
}

}  // namespace heim::backend
