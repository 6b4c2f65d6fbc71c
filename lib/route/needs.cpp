#include "route/needs.hpp"

#include <algorithm>
#include <iterator>

#include "sql/system.hpp"

namespace heim::route {

namespace {

namespace effect = sql::effect;
namespace trait = sql::trait;
using sql::Effects;
using sql::Kind;
using sql::Statement;

constexpr std::string_view read_only = "reads only";
constexpr std::string_view session_command = "a command of the session";
constexpr std::string_view transaction_control = "transaction control";
constexpr std::string_view writes = "writes";
constexpr std::string_view asks_server = "asks about the server itself";
constexpr std::string_view no_catalog = "the database's catalog is not known yet";
constexpr std::string_view block_in_message = "a transaction block among other statements";

struct EffectRow {
  Effects effects;
  std::string_view reason;
};
/// Of what would be a read: what keeps it on the primary. The first that holds is the reason.
constexpr EffectRow primary_effects[] = {
    {effect::locks, "locks rows"},
    {effect::suspicious, "calls something that may do anything"},
    {effect::advances_sequence, "advances a sequence"},
    {effect::reads_sequence, "asks for the session's last value of a sequence"},
    {effect::advisory_lock, "takes or frees an advisory lock"},
    {effect::temp, "names a temporary table"},
    {effect::listens | effect::unlistens | effect::notifies, "listens or notifies"},
    {effect::hold, "leaves a cursor behind"},
    {effect::seeds, "seeds random()"},
    {effect::settings | effect::all_settings | effect::role | effect::local | effect::loads |
         effect::own_server | effect::changes_catalog | effect::prepares | effect::deallocates |
         effect::discards,
     "changes its session"},
};

struct KindRow {
  Kind kind;
  Place place;
  std::string_view reason;
};
/// What a kind alone says. Reads are looked at more closely.
constexpr KindRow kinds[] = {
    {Kind::unknown, Place::primary, "not understood"},
    {Kind::empty, Place::any, "an empty query"},
    {Kind::read, Place::standby, read_only},
    {Kind::write, Place::primary, writes},
    {Kind::copy_in, Place::primary, "COPY FROM writes"},
    {Kind::copy_out, Place::standby, read_only},
    {Kind::begin, Place::control, transaction_control},
    {Kind::commit, Place::control, transaction_control},
    {Kind::rollback, Place::control, transaction_control},
    {Kind::savepoint, Place::control, transaction_control},
    {Kind::release, Place::control, transaction_control},
    {Kind::rollback_to, Place::control, transaction_control},
    {Kind::two_phase, Place::primary, "two-phase commit"},
    {Kind::set, Place::any, session_command},
    {Kind::show, Place::any, session_command},
    {Kind::discard, Place::any, session_command},
    {Kind::prepare, Place::any, session_command},
    {Kind::execute, Place::any, "runs a prepared statement"},
    {Kind::deallocate, Place::any, session_command},
    {Kind::listen, Place::primary, "listens or notifies"},
    {Kind::unlisten, Place::any, session_command},
    {Kind::notify, Place::primary, "listens or notifies"},
    {Kind::declare, Place::standby, read_only},
    {Kind::fetch, Place::any, "goes to its cursor"},
    {Kind::close, Place::any, "goes to its cursor"},
    {Kind::lock, Place::primary, "locks a table"},
    {Kind::explain, Place::standby, read_only},
    {Kind::call, Place::primary, "calls a procedure"},
    {Kind::block, Place::primary, "runs a DO block"},
    {Kind::load, Place::any, session_command},
    {Kind::ddl, Place::primary, "changes the schema"},
    {Kind::maintenance, Place::primary, "maintenance"},
    {Kind::other, Place::primary, "not a read"},
};

const KindRow& row_of(Kind kind) {
  const auto* row = std::ranges::find(kinds, kind, &KindRow::kind);
  return row == std::end(kinds) ? kinds[0] : *row;
}

void refuse(Needs& needs, std::string_view why) {
  needs.place = Place::primary;
  needs.reason = why;
}

void everything(Needs& needs) {
  needs.reads_everything = needs.writes_everything = needs.writes_server_wide = true;
  needs.commits_itself = true;
}

/// What the text says by itself, for what would be a read.
std::string_view kept_by_text(const Statement& statement) {
  for (const EffectRow& row : primary_effects) {
    if ((statement.effects & row.effects) != 0) return row.reason;
  }
  if ((statement.traits & trait::changes) != 0) return "calls a volatile function";
  if ((statement.traits & trait::server) != 0) return asks_server;
  return {};
}

void take(std::vector<std::string>& to, std::vector<std::string>& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  std::ranges::sort(to);
  to.erase(std::unique(to.begin(), to.end()), to.end());
}

void name_all(std::vector<std::string>& to, const std::vector<sql::Name>& names) {
  for (const sql::Name& each : names) to.push_back(each.name);
}

/// Without a catalog: what is named may be a view, have triggers, call anything.
void guess(Needs& needs, const Statement& statement) {
  const bool uses = !statement.reads.empty() || !statement.writes.empty();
  const bool calls = !statement.functions.empty() || !statement.attributes.empty();
  if (!uses && !calls) return;
  name_all(needs.reads, statement.reads);
  name_all(needs.writes, statement.writes);
  needs.reads_everything = needs.writes_everything = true;
  if (needs.place == Place::standby || needs.reason == asks_server) refuse(needs, no_catalog);
}

void look_up(Needs& needs, const Statement& statement, const sql::Catalog& catalog) {
  sql::Reach reach = catalog.objects().reach(statement);
  const bool may_yet = needs.place == Place::standby || needs.reason == asks_server;
  needs.soft = may_yet && !reach.hard;
  if (may_yet && !reach.primary.empty()) refuse(needs, reach.primary);
  needs.reads_everything |= reach.reads_everything;
  needs.server_wide |= reach.server_wide;
  needs.row_security |= reach.row_security;
  needs.fleeting |= reach.fleeting;
  take(needs.reads, reach.reads);
  // What only names relations (EXPLAIN, VACUUM, LOCK) has no writes; DDL is said below.
  if (statement.kind == Kind::ddl) return;
  needs.writes_everything |= reach.writes_everything;
  take(needs.writes, reach.writes);
}

/// Beyond what the catalog can tell.
void add_by_kind(Needs& needs, const Statement& statement) {
  switch (statement.kind) {
    case Kind::unknown:
    case Kind::block:
      return everything(needs);
    case Kind::call:
      needs.commits_itself = true;
      // It is suspicious by itself; of its procedure the catalog knows better.
      if ((statement.traits & trait::changes) != 0) everything(needs);
      return;
    case Kind::two_phase:
      needs.writes_everything = needs.writes_server_wide = true;
      return;
    case Kind::ddl:
      // A temporary table is nobody else's; the catalogs have it.
      needs.writes.emplace_back(sql::catalog_entry);
      if ((statement.traits & trait::makes_temp) != 0) return;
      needs.writes_everything = needs.writes_server_wide = true;
      return;
    case Kind::maintenance:
      needs.writes.emplace_back(sql::catalog_entry);
      return;
    default:
      break;
  }
  if ((statement.effects & effect::suspicious) != 0) everything(needs);
}

Needs of_statement(const Statement& statement, const sql::Catalog* catalog) {
  const KindRow& row = row_of(statement.kind);
  Needs needs;
  needs.place = row.place;
  needs.reason = row.reason;
  needs.executes = (statement.effects & effect::executes) != 0;
  needs.begins = statement.kind == Kind::begin;
  needs.read_only = statement.read_only;
  needs.read_write = statement.read_write;
  needs.serializable = statement.serializable;
  needs.repeatable_read = statement.repeatable_read;
  needs.distance = (statement.traits & trait::distance) != 0;
  needs.fleeting = (statement.traits & trait::fleeting) != 0;
  if (needs.place == Place::standby) {
    if (const std::string_view why = kept_by_text(statement); !why.empty()) refuse(needs, why);
  }
  if (catalog != nullptr) {
    look_up(needs, statement, *catalog);
  } else {
    guess(needs, statement);
  }
  add_by_kind(needs, statement);
  needs.if_asked = needs.reason == asks_server && !needs.writes_anything();
  return needs;
}

/// The one that binds more.
int rank(Place place) {
  switch (place) {
    case Place::any:
      return 0;
    case Place::control:
      return 1;
    case Place::standby:
      return 2;
    case Place::primary:
      break;
  }
  return 3;
}

/// Whether both may run in a transaction on a standby, and one of them there alone.
bool are_soft(const Needs& a, const Needs& b) {
  const auto bears = [](const Needs& each) { return each.place != Place::primary || each.soft; };
  return (a.soft || b.soft) && bears(a) && bears(b);
}

}  // namespace

Needs merge(Needs a, const Needs& b) {
  a.soft = are_soft(a, b);
  const bool mixed = (a.place == Place::control) != (b.place == Place::control);
  const bool follows = b.if_asked || b.place == Place::standby;
  a.if_asked = a.place == Place::any ? b.if_asked : a.if_asked && follows;
  const bool among_others = mixed && a.place != Place::any && b.place != Place::any;
  const bool several =
      a.place == Place::control && b.place == Place::control && (a.begins || b.begins);
  if (rank(b.place) > rank(a.place)) {
    a.place = b.place;
    a.reason = b.reason;
  }
  if ((among_others || several) && a.place != Place::primary) refuse(a, block_in_message);
  std::vector<std::string> reads = b.reads, writes = b.writes;
  take(a.reads, reads);
  take(a.writes, writes);
  a.reads_everything |= b.reads_everything;
  a.writes_everything |= b.writes_everything;
  a.server_wide |= b.server_wide;
  a.writes_server_wide |= b.writes_server_wide;
  a.commits_itself |= b.commits_itself;
  a.begins |= b.begins;
  a.read_only |= b.read_only;
  a.read_write |= b.read_write;
  a.serializable |= b.serializable;
  a.repeatable_read |= b.repeatable_read;
  a.executes |= b.executes;
  a.row_security |= b.row_security;
  a.fleeting |= b.fleeting;
  a.distance |= b.distance;
  return a;
}

Needs classify(const sql::Script& script, const sql::Catalog* catalog) {
  if (script.statements.empty()) {
    Statement empty;
    empty.kind = Kind::empty;
    empty.effects = 0;
    return of_statement(empty, catalog);
  }
  Needs needs = of_statement(script.statements.front(), catalog);
  for (std::size_t i = 1; i < script.statements.size(); ++i) {
    needs = merge(std::move(needs), of_statement(script.statements[i], catalog));
  }
  return needs;
}

}  // namespace heim::route
