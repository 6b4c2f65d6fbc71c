// The objects of a database and what uses what: which tables a statement reads and writes beyond
// those it names, through views, functions, triggers, foreign keys, rules and partitions; and
// whether it may run where nothing can be written.
//
// By name alone: of relations or functions with one name in several schemas, all count. Functions
// are read by their words: one in SQL or PL/pgSQL uses every relation and function whose name its
// body mentions. What cannot be read like that (dynamic SQL, other languages) may do anything.
// So may a function in C that is volatile. Others of extensions are taken at their declaration's
// word.
//
// A function that takes a row can be called like a column of it (p.order_count). Such a name counts
// as a call wherever it stands behind a dot.
//
// A child (a partition, or by inheritance) is read and written with all its ancestors, and not the
// other way round: who reads a parent shares that entry with who writes a child, however many
// children there are.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "sql/statement.hpp"

namespace heim::sql {

/// What statements reach. Sorted names; `everything`: and nobody knows what else.
struct Reach {
  std::vector<std::string> reads, writes;
  bool reads_everything = false, writes_everything = false;
  bool server_wide = false;  // reads system catalogs that all databases share
  /// Why it cannot run on a standby, as far as objects are concerned: static text; empty: it can.
  std::string_view primary;
  bool hard = false;  // and not only since the answer may differ there, or a function is volatile
  bool row_security = false;  // the answer hangs on who asks
  bool fleeting = false;      // see trait::fleeting
};

/// Immutable once built.
class Objects {
 public:
  /// A row of the catalog's answer; kinds that are not known here are ignored. See objects_query.
  void add(std::string_view kind, std::string_view name, std::string_view detail);

  /// Of a statement by itself; what EXECUTE names is not followed.
  Reach reach(const Statement& statement) const;
  std::size_t relations() const { return relations_.size(); }
  /// Whether there is one of that name, in whichever schema.
  bool has_relation(const std::string& name) const {
    const auto found = relations_.find(name);
    return found != relations_.end() && found->second.exists;
  }
  /// The names of all of them.
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& [name, relation] : relations_) {
      if (relation.exists) all.push_back(name);
    }
    return all;
  }
  /// What a changed row of a table is read by: the table and all it is a part of. Adds to `to`;
  /// false if there is no such table.
  bool changed(const std::string& table, std::vector<std::string>& to) const;

  /// Whether a function of that name can be called like a column; whether any can.
  bool is_attribute(const std::string& name) const { return attributes_.contains(name); }
  bool has_attributes() const { return !attributes_.empty(); }
  /// Whether some session has transactions that are SERIALIZABLE by default, or keep one snapshot.
  bool serializable() const { return serializable_; }
  bool snapshots() const { return snapshots_; }

 private:
  class Walk;
  using Names = std::vector<std::string>;
  struct Relation {
    bool exists = false;
    bool row_security = false;
    bool fleeting = false;          // a view that asks for the time
    Names reads, read_functions;    // views, policies
    Names writes, write_functions;  // triggers, rules, foreign keys
    Names cascades;                 // by TRUNCATE
    Names parents, children;        // children: those that have anything of their own
    std::string_view why;           // it can be read on the primary only; empty: it need not
  };
  struct Function {
    bool known = false;
    bool is_volatile = false;
    bool opaque = false;    // may read and do anything
    bool fleeting = false;  // may ask for the time and the like
    Names relations, functions;
  };
  void unnamed(Walk& walk) const;
  void ancestors(const std::string& name, Names& to) const;

  std::unordered_map<std::string, Relation> relations_;
  std::unordered_map<std::string, Function> functions_;
  /// Run without being named: behind operators, casts, types; or with the name of a built-in one.
  Names unnamed_;
  bool snapshots_ = false, serializable_ = false;
  std::unordered_set<std::string> attributes_;  // functions that can be called like columns
};

/// The part of the catalog's question that asks for these: rows of (kind, name, detail).
std::string_view objects_query();

}  // namespace heim::sql
