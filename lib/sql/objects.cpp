#include "sql/objects.hpp"

#include <algorithm>
#include <iterator>

#include "sql/functions.hpp"
#include "sql/system.hpp"

namespace heim::sql {

namespace {

/// More than this is everything.
constexpr std::size_t max_tables = 256;

constexpr std::string_view not_known = "reads a table that the catalog does not have";
constexpr std::string_view not_known_function = "calls a function that the catalog does not have";
constexpr std::string_view calls_volatile = "calls a volatile function";
constexpr std::string_view calls_opaque = "calls a function that may do anything";
constexpr std::string_view changes = "calls a function that changes something";
constexpr std::string_view own_schema = "pg_catalog";
constexpr std::string_view asks_server = "asks about the server itself";
constexpr std::string_view implicit_call = "operators or types of the database may do anything";

std::string_view why_primary(std::string_view flags) {
  if (flags.size() < 2) return {};
  if (flags[0] == 'S') return "reads a sequence";
  if (flags[0] == 'f') return "reads a foreign table";
  if (flags[1] == 'u') return "reads an unlogged table, which standbys do not have";
  return {};
}

/// Also what stands for all of them.
bool is_own(const std::string& relation) {
  return relation == catalog_entry || system_relation(relation) != SystemRelation::none;
}

bool only_catalogs(const std::vector<std::string>& names) {
  return std::ranges::all_of(names, [](const auto& name) { return name == catalog_entry; });
}

void tidy(std::vector<std::string>& names) {
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
}

}  // namespace

void Objects::add(std::string_view kind, std::string_view name, std::string_view detail) {
  struct Uses {
    char kind;
    Names Relation::*list;
  };
  constexpr Uses uses[] = {{'D', &Relation::reads},    {'F', &Relation::read_functions},
                           {'A', &Relation::writes},   {'G', &Relation::write_functions},
                           {'C', &Relation::cascades}, {'U', &Relation::parents},
                           {'N', &Relation::children}};
  if (kind.size() != 1) return;
  const std::string key(name);
  const std::string other(detail);
  for (const Uses& each : uses) {
    if (each.kind == kind[0]) return (relations_[key].*each.list).push_back(other);
  }
  switch (kind[0]) {
    case 'T': {
      Relation& relation = relations_[key];
      relation.exists = true;
      relation.row_security |= detail.find('R') != std::string_view::npos;
      if (relation.why.empty()) relation.why = why_primary(detail);
      return;
    }
    case 'P': {
      Function& function = functions_[key];
      function.known = true;
      function.is_volatile |= detail.starts_with('v');
      function.opaque |= detail.ends_with('o');
      return;
    }
    case 'B':
      return functions_[key].relations.push_back(other);
    case 'H':
      return functions_[key].functions.push_back(other);
    case 'K':
      attributes_.insert(key);
      return;
    case 'M':
      functions_[key].fleeting = true;
      return;
    case 'V':
      relations_[key].fleeting = true;
      return;
    case 'I':
      snapshots_ = true;
      serializable_ |= key == "serializable";
      return;
    case 'O':
      return unnamed_.push_back(key);
    default:
      return;
  }
}

/// Follows what a statement uses. Each object is visited once a way: read, written, called.
class Objects::Walk {
 public:
  explicit Walk(const Objects& objects) : objects_(objects) {}

  /// What stands in a statement: of PostgreSQL's own, if the schema or the name says so.
  void read(const std::string& schema, const std::string& name) {
    if (schema == "information_schema") return catalogs();
    schema.empty() || schema == own_schema ? read(name) : read_one(name);
  }
  /// One of PostgreSQL's own, one of the database's, or of both.
  void read(const std::string& name) {
    const bool own = is_own(name);
    if (own) unknown(name);
    if (!own || objects_.relations_.contains(name)) read_one(name);
  }
  void read_one(const std::string& name) {
    if (!read_.insert(name).second) return;
    const auto found = objects_.relations_.find(name);
    if (found == objects_.relations_.end() || !found->second.exists) return unknown(name);
    const Relation& relation = found->second;
    table(out_.reads, name);
    if (!relation.why.empty()) refuse(relation.why);
    out_.row_security |= relation.row_security;
    out_.fleeting |= relation.fleeting;
    for (const auto& each : relation.parents) ancestor(out_.reads, each);
    for (const auto& each : relation.reads) read(each);
    for (const auto& each : relation.read_functions) call(each);
    for (const auto& each : relation.children) look_at_child(each);
  }

  void write(const std::string& name, bool truncates) {
    if (!written_.insert(name).second) return;
    const auto found = objects_.relations_.find(name);
    if (found == objects_.relations_.end() || !found->second.exists) {
      out_.writes_everything = true;
      return;
    }
    const Relation& relation = found->second;
    table(out_.writes, name);
    for (const auto& each : relation.parents) ancestor(out_.writes, each);
    fire(relation, truncates);
  }

  /// Calls a function, be it for a read or by a trigger.
  void call(const std::string& name) {
    if (!called_.insert(name).second) return;
    const auto found = objects_.functions_.find(name);
    if (found == objects_.functions_.end()) return call_own(name);
    const Function& function = found->second;
    if (!function.known) return unknown_function();
    if (function.opaque) opaque();
    out_.fleeting |= function.fleeting;
    if (function.is_volatile) refuse(calls_volatile);
    for (const auto& each : function.relations) {
      read(each);
      if (function.is_volatile) write_mentioned(each);
    }
    for (const auto& each : function.functions) call(each);
  }

  Reach take() {
    tidy(out_.reads);
    tidy(out_.writes);
    if (out_.reads.size() > max_tables) out_.reads_everything = true;
    if (out_.writes.size() > max_tables) out_.writes_everything = true;
    if (out_.reads_everything) out_.reads.clear();
    if (out_.writes_everything) out_.writes.clear();
    return std::move(out_);
  }
  void unknown_function() {
    refuse(not_known_function);
    out_.reads_everything = out_.writes_everything = true;
  }
  Reach& out() { return out_; }

 private:
  /// A volatile function that mentions one of PostgreSQL's own most likely reads it. If not, who
  /// reads catalogs meets that; the views of statistics and the like hold nothing.
  void write_mentioned(const std::string& name) {
    const bool own = is_own(name);
    if (!own || objects_.relations_.contains(name)) return write(name, false);
    if (name == catalog_entry || system_relation(name) == SystemRelation::catalog) {
      table(out_.writes, std::string(catalog_entry));
    }
  }

  /// What writing brings along. Children are written with their parent: their own triggers and
  /// keys act, and who reads them reads the parent's entry.
  void fire(const Relation& relation, bool truncates) {
    for (const auto& each : relation.writes) write(each, false);
    for (const auto& each : relation.write_functions) call(each);
    for (const auto& each : relation.children) fire_child(each, truncates);
    if (!truncates) return;
    for (const auto& each : relation.cascades) write(each, true);
  }
  void fire_child(const std::string& name, bool truncates) {
    if (!fired_.insert(name).second) return;
    const auto found = objects_.relations_.find(name);
    if (found != objects_.relations_.end()) fire(found->second, truncates);
  }

  void ancestor(Names& to, const std::string& name) { objects_.ancestors(name, to); }
  void look_at_child(const std::string& name) {
    if (!looked_at_.insert(name).second) return;
    const auto found = objects_.relations_.find(name);
    if (found == objects_.relations_.end()) return;
    if (!found->second.why.empty()) refuse(found->second.why);
    for (const auto& each : found->second.children) look_at_child(each);
  }

  void unknown(const std::string& name) {
    if (name == catalog_entry) return catalogs();
    const SystemRelation system = system_relation(name);
    if (system == SystemRelation::none) {
      refuse(not_known);
      out_.reads_everything = true;
    } else if (system == SystemRelation::server) {
      refuse(asks_server);
    } else {
      catalogs();
    }
  }
  void catalogs() {
    table(out_.reads, std::string(catalog_entry));
    out_.server_wide = true;
  }
  void call_own(const std::string& name) {
    const Builtin own = builtin(name);
    if (!own.known) return unknown_function();
    constexpr Effects harmless = effect::is_volatile | effect::is_stable;
    if ((own.effects & effect::suspicious) != 0) opaque();
    out_.fleeting |= (own.traits & trait::fleeting) != 0;
    if ((own.traits & trait::server) != 0) refuse(asks_server);
    if ((own.traits & trait::changes) != 0 || (own.effects & ~harmless) != 0) {
      refuse(changes);
    }
  }
  void opaque() {
    refuse(calls_opaque);
    out_.reads_everything = out_.writes_everything = true;
  }
  /// The first reason counts, but that it asks about the server: the weakest.
  void refuse(std::string_view why) {
    out_.hard |= why != calls_volatile && why != asks_server;
    if (out_.primary.empty() || out_.primary == asks_server) out_.primary = why;
  }
  static void table(Names& to, const std::string& name) { to.push_back(name); }

  const Objects& objects_;
  Reach out_;
  std::unordered_set<std::string> read_, written_, called_, fired_, looked_at_;
};

/// Functions behind operators and types that touch no table and change nothing do not matter,
/// however they were declared: most were not declared at all. Nor do catalogs: what changes them
/// counts as a write to everything.
void Objects::unnamed(Walk& walk) const {
  if (unnamed_.empty() || walk.out().reads_everything) return;
  Walk quiet(*this);
  for (const auto& each : unnamed_) quiet.call(each);
  const Reach reach = quiet.take();
  const bool touches =
      reach.reads_everything || !only_catalogs(reach.reads) || !only_catalogs(reach.writes);
  const bool refused = !reach.primary.empty() && reach.primary != calls_volatile;
  walk.out().fleeting |= reach.fleeting;
  if (!touches && !refused) return;
  walk.out().reads_everything = walk.out().writes_everything = true;
  if (walk.out().primary.empty()) walk.out().primary = implicit_call;
}

void Objects::ancestors(const std::string& name, Names& to) const {
  if (std::ranges::find(to, name) != to.end()) return;
  to.push_back(name);
  const auto found = relations_.find(name);
  if (found == relations_.end()) return;
  for (const auto& each : found->second.parents) ancestors(each, to);
}

bool Objects::changed(const std::string& table, std::vector<std::string>& to) const {
  const auto found = relations_.find(table);
  if (found == relations_.end() || !found->second.exists) return false;
  ancestors(table, to);
  return true;
}

Reach Objects::reach(const Statement& statement) const {
  Walk walk(*this);
  for (const Name& each : statement.reads) walk.read(each.schema, each.name);
  const bool truncates = (statement.traits & trait::truncates) != 0;
  for (const Name& each : statement.writes) walk.write(each.name, truncates);
  for (const Name& each : statement.functions) walk.call(each.name);
  for (const std::string& each : statement.attributes) {
    if (is_attribute(each)) walk.call(each);
  }
  unnamed(walk);
  return walk.take();
}

}  // namespace heim::sql
