// The router by itself: a topology and a ledger that a program tells what it knows, for one
// database.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"
#include "embed/nodes.hpp"
#include "route/decide.hpp"
#include "route/explain.hpp"
#include "runtime/parser_thread.hpp"
#include "sql/catalog.hpp"

namespace heim::embed {

/// A statement, what it does, and where it would go.
struct Routed {
  sql::ScriptRef script;
  route::Needs needs;
  std::optional<std::string> node;
  std::string reason;
  std::size_t parameters = 0;
  bool is_volatile = false;
  std::vector<route::Explained> explained;
};

/// [one thread]
class Router {
 public:
  /// Throws Failure where a rule is wrong, std::system_error where there is no thread.
  Router(const config::Settings& settings, std::string database);

  void set_catalog(sql::CatalogRef catalog) { catalog_ = std::move(catalog); }
  /// False: there is no such node.
  bool set_node(std::string_view name, const NodeView& view);
  void note_commit(std::string_view sql);
  /// `who.database` is the router's own.
  Routed route(std::string_view sql, route::Who who);

 private:
  route::Plan plan(const sql::ScriptRef& script, std::string_view sql);

  const config::Settings settings_;
  const std::string database_;
  const config::Database* entry_ = nullptr;  // of `settings_`
  runtime::ParserThread parser_;
  route::RulesRef rules_;  // null: there are none
  sql::CatalogRef catalog_;
  cluster::Topology nodes_;
  freshness::Ledger ledger_;
  freshness::DatabaseId ledger_database_;
  route::Loads loads_{};
  route::Turn turn_;
};

}  // namespace heim::embed
