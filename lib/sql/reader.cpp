#include "sql/reader.hpp"

namespace heim::sql {

namespace {

template <class T>
void tidy(std::vector<T>& values) {
  std::ranges::sort(values);
  values.erase(std::unique(values.begin(), values.end()), values.end());
  values.shrink_to_fit();
}

/// Of a node that says all by being there.
Effects effect_of(NodeTag tag) {
  switch (tag) {
    case T_LockingClause:
      return effect::locks;
    case T_SQLValueFunction:
      return effect::is_stable;
    case T_SetToDefault:
      return effect::advances_sequence;
    default:
      return 0;
  }
}

/// CURRENT_DATE and the like, but not CURRENT_USER and the like; a sample of a table.
bool is_fleeting(const Node* node) {
  if (tag_of(node) == T_RangeTableSample) return true;
  if (tag_of(node) != T_SQLValueFunction) return false;
  switch (as<SQLValueFunction>(node)->op) {
    case SVFOP_CURRENT_ROLE:
    case SVFOP_CURRENT_USER:
    case SVFOP_USER:
    case SVFOP_SESSION_USER:
    case SVFOP_CURRENT_CATALOG:
    case SVFOP_CURRENT_SCHEMA:
      return false;
    default:
      return true;
  }
}

}  // namespace

std::optional<Statement> Reader::read(const Node* statement) {
  Reader reader;
  reader.out_.effects = 0;
  reader.statement(statement);
  if (reader.too_deep_) return std::nullopt;
  return reader.finish();
}

/// Also of a statement inside another (EXPLAIN, CREATE SCHEMA): the kind is the last one read.
void Reader::statement(const Node* node) {
  const Row* known = node ? row(tag_of(node)) : nullptr;
  if (known == nullptr) {
    out_.kind = Kind::unknown;
    return effects(effect::suspicious);
  }
  out_.kind = known->kind;
  effects(known->effects);
  (this->*known->read)(node);
  if (out_.kind == Kind::read && wrote_) out_.kind = Kind::write;
}

Statement Reader::finish() {
  tidy(out_.settings);
  tidy(out_.executes);
  tidy(out_.reads);
  tidy(out_.writes);
  tidy(out_.functions);
  tidy(out_.attributes);
  return std::move(out_);
}

void Reader::node(const Node* node) {
  if (node == nullptr || too_deep_) return;
  if (depth_ == depth_limit) {
    too_deep_ = true;
    return;
  }
  ++depth_;
  tag_of(node) == T_List ? list(as<List>(node)) : dispatch(node);
  --depth_;
}

void Reader::dispatch(const Node* node) {
  switch (tag_of(node)) {
    case T_RangeVar:
      return relation(node);
    case T_FuncCall:
      return function(node);
    case T_ColumnRef:
      return column(node);
    case T_A_Indirection:
      return indirection(node);
    case T_A_Expr:
      return operation(node);
    case T_TypeName:
      return type(node);
    case T_SelectStmt:
      return select(node);
    case T_InsertStmt:
      return insert(node);
    case T_UpdateStmt:
      return update(node);
    case T_DeleteStmt:
      return remove(node);
    case T_MergeStmt:
      return merge(node);
    case T_IntoClause:
      return into(node);
    default:
      break;
  }
  if (is_fleeting(node)) out_.traits |= trait::fleeting;
  const Effects alone = effect_of(tag_of(node));
  alone != 0 ? effects(alone) : below(node);
}

void Reader::below(const Node* node) {
  const Children* offsets = children(tag_of(node));
  if (offsets == nullptr) return effects(effect::suspicious);
  for (const std::uint16_t offset : *offsets) {
    if (offset == 0) return;
    this->node(child(node, offset));
  }
}

void Reader::list(const List* list) {
  for (const ListCell& cell : Elements(list)) node(element(cell));
}

void Reader::relation(const Node* node) {
  const auto* relation = as<RangeVar>(node);
  if (relation->relpersistence == 't') {
    effects(effect::temp);
    if (writing_) out_.traits |= trait::makes_temp;
  }
  if (!writing_ && is_cte(relation)) return;
  add(writing_ ? out_.writes : out_.reads, view(relation->schemaname), view(relation->relname));
}

void Reader::add(std::vector<Name>& to, std::string_view schema, std::string_view name) {
  if (schema.starts_with("pg_temp")) effects(effect::temp);
  // A chain of a thousand UNIONs of one table need not have it a thousand times.
  if (!to.empty() && to.back().schema == schema && to.back().name == name) return;
  to.push_back({std::string(schema), std::string(name)});
}

}  // namespace heim::sql
