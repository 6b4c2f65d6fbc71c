// Queries and expressions.
#include "sql/functions.hpp"
#include "sql/reader.hpp"

namespace heim::sql {

namespace {

/// System columns: which version of a row it is and where it lies.
constexpr std::string_view of_the_row[] = {"ctid", "xmin", "xmax", "cmin", "cmax"};

/// Sets what is given while it lives.
class Scope {
 public:
  Scope(bool& flag, bool value) : flag_(flag), before_(flag) { flag_ = value; }
  ~Scope() { flag_ = before_; }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  bool& flag_;
  bool before_;
};

/// The schema and the name of what a list of strings names; a database before them is left out.
std::pair<std::string_view, std::string_view> qualified(const List* names) {
  const Elements parts(names);
  if (parts.size() == 0) return {};
  return {parts.size() > 1 ? string_of(parts[parts.size() - 2]) : "",
          string_of(parts[parts.size() - 1])};
}

/// Of a literal of any form that boolean takes; nothing if it is none.
std::optional<bool> boolean_constant(const Node* node) {
  if (node && tag_of(node) == T_A_Const && !as<A_Const>(node)->isnull &&
      tag_of(&as<A_Const>(node)->val.node) == T_Boolean) {
    return as<A_Const>(node)->val.boolval.boolval;
  }
  const std::string_view text = string_constant(node);
  if (text == "t" || text == "true") return true;
  if (text == "f" || text == "false") return false;
  return std::nullopt;
}

}  // namespace

bool Reader::is_cte(const RangeVar* relation) const {
  if (relation->schemaname != nullptr) return false;
  return std::ranges::find(ctes_, view(relation->relname)) != ctes_.end();
}

/// A query of WITH sees those before it, with RECURSIVE itself and all others, too.
void Reader::with(const WithClause* clause) {
  if (clause == nullptr) return;
  const auto see = [this](const ListCell& cell) {
    ctes_.push_back(view(as<CommonTableExpr>(element(cell))->ctename));
  };
  if (clause->recursive) {
    for (const ListCell& cell : Elements(clause->ctes)) see(cell);
  }
  for (const ListCell& cell : Elements(clause->ctes)) {
    node(element(cell));
    if (!clause->recursive) see(cell);
  }
}

void Reader::select(const Node* node) {
  const Scope reading(writing_, false);
  const std::size_t outer = ctes_.size();
  with(as<SelectStmt>(node)->withClause);
  below(node);
  ctes_.resize(outer);
}

/// What a statement changes. That is never a CTE, even where one has its name.
void Reader::target(const RangeVar* relation) {
  wrote_ = true;
  if (relation == nullptr) return;
  // Writing to the view sets settings, by its rule.
  if (view(relation->relname) == "pg_settings") effects(effect::all_settings);
  add(out_.writes, view(relation->schemaname), view(relation->relname));
}

void Reader::insert(const Node* node) {
  const Scope reading(writing_, false);
  const std::size_t outer = ctes_.size();
  with(as<InsertStmt>(node)->withClause);
  target(as<InsertStmt>(node)->relation);
  effects(effect::advances_sequence);
  below(node);
  ctes_.resize(outer);
}

void Reader::update(const Node* node) {
  const Scope reading(writing_, false);
  const std::size_t outer = ctes_.size();
  with(as<UpdateStmt>(node)->withClause);
  target(as<UpdateStmt>(node)->relation);
  below(node);
  ctes_.resize(outer);
}

void Reader::remove(const Node* node) {
  const Scope reading(writing_, false);
  const std::size_t outer = ctes_.size();
  with(as<DeleteStmt>(node)->withClause);
  target(as<DeleteStmt>(node)->relation);
  below(node);
  ctes_.resize(outer);
}

void Reader::merge(const Node* node) {
  const Scope reading(writing_, false);
  const std::size_t outer = ctes_.size();
  with(as<MergeStmt>(node)->withClause);
  target(as<MergeStmt>(node)->relation);
  effects(effect::advances_sequence);
  below(node);
  ctes_.resize(outer);
}

/// SELECT INTO, CREATE TABLE AS, CREATE MATERIALIZED VIEW.
void Reader::into(const Node* node) {
  const Scope changing(writing_, true);
  relation(plain(as<IntoClause>(node)->rel));
  effects(effect::changes_catalog);
  out_.kind = Kind::ddl;
}

void Reader::function(const Node* node) {
  const auto* call = as<FuncCall>(node);
  const auto [schema, name] = qualified(call->funcname);
  const bool own = schema.empty() || schema == "pg_catalog";
  const Builtin found = own ? builtin(name) : Builtin{};
  if (found.known) {
    effects(found.effects);
    out_.traits |= found.traits;
    if (name == "set_config") set_config(call);
  } else {
    add(out_.functions, schema, name);
  }
  below(node);
}

/// Of t.a and s.t.a the last name may be a function's; what stands alone is a column or a row.
void Reader::column(const Node* node) {
  const Elements names(as<ColumnRef>(node)->fields);
  const std::string_view last = names.size() > 0 ? string_of(names[names.size() - 1]) : "";
  if (std::ranges::find(of_the_row, last) != std::end(of_the_row)) {
    out_.traits |= trait::fleeting;
  }
  if (names.size() > 1 && !last.empty()) out_.attributes.emplace_back(last);
}

void Reader::indirection(const Node* node) {
  for (const ListCell& cell : Elements(as<A_Indirection>(node)->indirection)) {
    if (const std::string_view name = string_of(element(cell)); !name.empty()) {
      out_.attributes.emplace_back(name);
    }
  }
  below(node);
}

void Reader::operation(const Node* node) {
  constexpr std::string_view distances[] = {"<->", "<#>", "<=>", "<+>", "<~>", "<%>"};
  const std::string_view name = qualified(as<A_Expr>(node)->name).second;
  if (name.size() == 3 && std::ranges::find(distances, name) != std::end(distances)) {
    out_.traits |= trait::distance;
  }
  below(node);
}

/// set_config(name, value, is_local). Arguments may be named, and then stand in any order.
void Reader::set_config(const FuncCall* call) {
  const Elements arguments(call->args);
  const bool plain = arguments.size() == 3 && !call->func_variadic &&
                     std::ranges::none_of(arguments, [](const ListCell& cell) {
                       return tag_of(element(cell)) == T_NamedArgExpr;
                     });
  if (!plain) return effects(effect::all_settings | effect::role);
  const std::string_view name = string_constant(arguments[0]);
  const std::optional<bool> local = boolean_constant(arguments[2]);
  if (name.empty()) return effects(effect::all_settings | effect::role);
  // Not known whether local: as if it were for the session.
  setting(name, local.value_or(false));
}

void Reader::type(const Node* node) {
  const auto* type = as<TypeName>(node);
  const auto [schema, name] = qualified(type->names);
  if (schema.starts_with("pg_temp")) effects(effect::temp);
  // From a time it is made with today's offset from UTC.
  if (name == "timetz") out_.traits |= trait::fleeting;
  list(type->typmods);
}

}  // namespace heim::sql
