#include "session/invalidation.hpp"

#include <set>

#include "base/like.hpp"
#include "fleet/fleet.hpp"
#include "route/plan.hpp"
#include "session/hub.hpp"

namespace heim::session {

// As all writes are told: before and after.
void Invalidation::commit(freshness::DatabaseId database, const freshness::WriteSet& tables) {
  freshness::Ledger& ledger = hub_.shared.ledger;
  freshness::CommitTicket ticket = ledger.begin_commit(database, tables);
  ledger.end_commit(ticket, freshness::Outcome::committed, hub_.now());
}

// Those of which anything was read, as the servers name them.
std::vector<std::string> Invalidation::databases() const {
  std::vector<std::string> names;
  for (freshness::Ledger::Row& row : hub_.shared.ledger.rows()) {
    if (row.table == "*" && !row.database.empty()) names.push_back(std::move(row.database));
  }
  return names;
}

std::vector<std::string> Invalidation::databases(const std::string& only) const {
  return only.empty() ? databases() : std::vector{hub_.database(only).dbname};
}

void Invalidation::touch_all(const std::string& dbname) {
  freshness::Ledger& ledger = hub_.shared.ledger;
  const freshness::DatabaseId id = ledger.database(dbname);
  freshness::WriteSet all;
  all.add(ledger.everything(id));
  commit(id, all);
}

void Invalidation::everything() {
  for (const std::string& dbname : databases()) touch_all(dbname);
  if (hub_.shared.cache) hub_.shared.cache->invalidate_all();
}

void Invalidation::database(const std::string& name) { touch_all(hub_.database(name).dbname); }

// What an UPDATE of the table would write: its ancestors, and what triggers do. A table that the
// catalog lacks may have been dropped; nothing else is known of it then.
freshness::WriteSet Invalidation::written(const std::string& dbname,
                                          const std::string& table) const {
  freshness::Ledger& ledger = hub_.shared.ledger;
  const freshness::DatabaseId id = ledger.database(dbname);
  freshness::WriteSet set;
  if (const auto had = ledger.find(id, table)) set.add(*had);
  const sql::CatalogRef catalog = hub_.shared.catalogs.find(dbname);
  const bool known = catalog && catalog->objects().has_relation(table);
  if (!known) {
    // Without a catalog it may be any; without room for its name it stands under everything.
    if (!catalog || ledger.counts().overflows > 0) set.add(ledger.everything(id));
    return set;
  }
  sql::Statement update;
  update.kind = sql::Kind::write;
  update.writes = {{.schema = {}, .name = table}};
  const sql::Reach reach = catalog->objects().reach(update);
  if (reach.writes_everything) set.add(ledger.everything(id));
  for (const std::string& each : reach.writes) set.add(ledger.intern(id, each));
  return set;
}

bool Invalidation::touch(const std::string& dbname, const std::string& table) {
  const freshness::WriteSet set = written(dbname, table);
  if (set.empty()) return false;
  commit(hub_.shared.ledger.database(dbname), set);
  return true;
}

Result<void> Invalidation::table(const std::string& database, const std::string& name) {
  bool found = false;
  for (const std::string& dbname : databases(database)) found |= touch(dbname, name);
  if (found) return {};
  return Error{
      "42P01", "no such table: " + name, {}, "SHOW LEDGER lists those that were read or written."};
}

// Those that the catalog has count although nobody has read them here: another proxy of the fleet
// may have. Without a catalog, or where the ledger had no room for names, it may be any.
bool Invalidation::touch_like(const std::string& dbname, const std::string& pattern) {
  const sql::CatalogRef catalog = hub_.shared.catalogs.find(dbname);
  if (!catalog || hub_.shared.ledger.counts().overflows > 0) {
    touch_all(dbname);
    return true;
  }
  std::set<std::string> names;
  for (std::string& name : catalog->objects().names()) {
    if (like(name, pattern)) names.insert(std::move(name));
  }
  for (freshness::Ledger::Row& row : hub_.shared.ledger.rows()) {
    const bool is_table = row.database == dbname && row.table != "*";
    if (is_table && like(row.table, pattern)) names.insert(std::move(row.table));
  }
  for (const std::string& name : names) touch(dbname, name);
  return !names.empty();
}

Result<void> Invalidation::tables_like(const std::string& database, const std::string& pattern) {
  bool found = false;
  for (const std::string& dbname : databases(database)) found |= touch_like(dbname, pattern);
  if (found) return {};
  return Error{"42P01",
               "no table has a name like '" + pattern + "'",
               {},
               "% is any run of characters, _ is one. SHOW LEDGER lists tables that were read or "
               "written."};
}

Result<void> Invalidation::query(const std::string& text) {
  auto fingerprint = route::read_fingerprint(text);
  if (!fingerprint) {
    const sql::ScriptRef script = hub_.script(text);
    if (!script->understood) return Error{"42601", "no statement, and no fingerprint", {}, {}};
    fingerprint = script->fingerprint;
  }
  if (hub_.shared.fleet) hub_.shared.fleet->invalidate(*fingerprint);
  if (hub_.shared.cache) hub_.shared.cache->invalidate_fingerprint(*fingerprint);
  return {};
}

}  // namespace heim::session
