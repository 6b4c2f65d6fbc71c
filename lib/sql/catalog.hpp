// What a database's own objects do. First to the session that uses them: which functions leave
// settings, locks, temporary tables and the like behind, and which relations run such functions.
// Then to the tables: see objects.hpp.
//
// Found by the text of the functions, closed over what uses what. An object that is not known
// counts as one that leaves something behind.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "sql/objects.hpp"
#include "sql/statement.hpp"

namespace heim::sql {

/// Immutable once built. By name alone: whatever schema search_path leads to, it is covered.
class Catalog {
 public:
  /// The question, for a session whose search_path is pg_catalog. Rows of (kind, name, detail):
  /// see add().
  static std::string query();
  /// A row of the answer: kind 'f' a function, with 'true' if it leaves something behind, 'r' a
  /// relation that does, 'w' an operator, type or cast that does: then anything may. All others
  /// are of the objects.
  void add(std::string_view kind, std::string_view name, std::string_view detail);

  /// Whether running the statement may change what outlives its transaction, through objects of
  /// the database. What the statement does by itself, its effects say.
  bool is_suspicious(const Statement& statement) const;
  bool is_suspicious(const Script& script) const;
  /// Scripts without any of these effects are not suspicious.
  Effects watch() const;

  /// Which tables statements read and write.
  const Objects& objects() const { return objects_; }

 private:
  bool leaves(const std::string& function) const;

  Objects objects_;
  std::unordered_map<std::string, bool> functions_;  // name -> leaves something behind
  std::unordered_set<std::string> relations_;        // that leave something behind
  bool all_ = false;
};
using CatalogRef = std::shared_ptr<const Catalog>;

}  // namespace heim::sql
