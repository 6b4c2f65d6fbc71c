#include "sql/tree.hpp"

namespace heim::sql {

namespace {

struct Row {
  NodeTag tag;
  Children children;
};

#define AT(type, field) offsetof(type, field)
/// In alphabetical order. What has no children is listed, too: a tag that is not here is a
/// surprise.
constexpr Row rows[] = {
    {T_A_ArrayExpr, {AT(A_ArrayExpr, elements)}},
    {T_A_Const, {}},
    {T_A_Expr, {AT(A_Expr, lexpr), AT(A_Expr, rexpr)}},
    {T_A_Indices, {AT(A_Indices, lidx), AT(A_Indices, uidx)}},
    {T_A_Indirection, {AT(A_Indirection, arg), AT(A_Indirection, indirection)}},
    {T_A_Star, {}},
    {T_Alias, {}},
    {T_AlterTableCmd, {AT(AlterTableCmd, def)}},
    {T_BitString, {}},
    {T_BoolExpr, {AT(BoolExpr, args)}},
    {T_Boolean, {}},
    {T_BooleanTest, {AT(BooleanTest, arg)}},
    {T_CTECycleClause,
     {AT(CTECycleClause, cycle_mark_value), AT(CTECycleClause, cycle_mark_default)}},
    {T_CTESearchClause, {}},
    {T_CaseExpr, {AT(CaseExpr, arg), AT(CaseExpr, args), AT(CaseExpr, defresult)}},
    {T_CaseWhen, {AT(CaseWhen, expr), AT(CaseWhen, result)}},
    {T_CoalesceExpr, {AT(CoalesceExpr, args)}},
    {T_CollateClause, {AT(CollateClause, arg)}},
    {T_ColumnDef,
     {AT(ColumnDef, typeName), AT(ColumnDef, raw_default), AT(ColumnDef, constraints)}},
    {T_ColumnRef, {}},
    {T_CommonTableExpr, {AT(CommonTableExpr, ctequery), AT(CommonTableExpr, cycle_clause)}},
    {T_Constraint,
     {AT(Constraint, raw_expr), AT(Constraint, exclusions), AT(Constraint, where_clause),
      AT(Constraint, pktable)}},
    {T_CurrentOfExpr, {}},
    {T_DefElem, {AT(DefElem, arg)}},
    {T_DeleteStmt,
     {AT(DeleteStmt, usingClause), AT(DeleteStmt, whereClause), AT(DeleteStmt, returningList)}},
    {T_Float, {}},
    {T_FuncCall,
     {AT(FuncCall, args), AT(FuncCall, agg_order), AT(FuncCall, agg_filter), AT(FuncCall, over)}},
    {T_GroupingFunc, {AT(GroupingFunc, args)}},
    {T_GroupingSet, {AT(GroupingSet, content)}},
    {T_IndexElem, {AT(IndexElem, expr)}},
    {T_InferClause, {AT(InferClause, indexElems), AT(InferClause, whereClause)}},
    {T_InsertStmt,
     {AT(InsertStmt, cols), AT(InsertStmt, selectStmt), AT(InsertStmt, onConflictClause),
      AT(InsertStmt, returningList)}},
    {T_Integer, {}},
    {T_JoinExpr, {AT(JoinExpr, larg), AT(JoinExpr, rarg), AT(JoinExpr, quals)}},
    {T_MergeStmt,
     {AT(MergeStmt, sourceRelation), AT(MergeStmt, joinCondition),
      AT(MergeStmt, mergeWhenClauses)}},
    {T_MergeWhenClause,
     {AT(MergeWhenClause, condition), AT(MergeWhenClause, targetList),
      AT(MergeWhenClause, values)}},
    {T_MinMaxExpr, {AT(MinMaxExpr, args)}},
    {T_MultiAssignRef, {AT(MultiAssignRef, source)}},
    {T_NamedArgExpr, {AT(NamedArgExpr, arg)}},
    {T_NullTest, {AT(NullTest, arg)}},
    {T_OnConflictClause,
     {AT(OnConflictClause, infer), AT(OnConflictClause, targetList),
      AT(OnConflictClause, whereClause)}},
    {T_ParamRef, {}},
    {T_PartitionBoundSpec,
     {AT(PartitionBoundSpec, listdatums), AT(PartitionBoundSpec, lowerdatums),
      AT(PartitionBoundSpec, upperdatums)}},
    {T_PartitionCmd, {AT(PartitionCmd, name), AT(PartitionCmd, bound)}},
    {T_PartitionElem, {AT(PartitionElem, expr)}},
    {T_PartitionSpec, {AT(PartitionSpec, partParams)}},
    {T_RangeFunction, {AT(RangeFunction, functions), AT(RangeFunction, coldeflist)}},
    {T_RangeSubselect, {AT(RangeSubselect, subquery)}},
    {T_RangeTableFunc,
     {AT(RangeTableFunc, docexpr), AT(RangeTableFunc, rowexpr), AT(RangeTableFunc, namespaces),
      AT(RangeTableFunc, columns)}},
    {T_RangeTableFuncCol,
     {AT(RangeTableFuncCol, typeName), AT(RangeTableFuncCol, colexpr),
      AT(RangeTableFuncCol, coldefexpr)}},
    {T_RangeTableSample,
     {AT(RangeTableSample, relation), AT(RangeTableSample, args),
      AT(RangeTableSample, repeatable)}},
    {T_ReplicaIdentityStmt, {}},
    {T_ResTarget, {AT(ResTarget, indirection), AT(ResTarget, val)}},
    {T_RoleSpec, {}},
    {T_RowExpr, {AT(RowExpr, args)}},
    {T_SelectStmt,
     {AT(SelectStmt, distinctClause), AT(SelectStmt, intoClause), AT(SelectStmt, targetList),
      AT(SelectStmt, fromClause), AT(SelectStmt, whereClause), AT(SelectStmt, groupClause),
      AT(SelectStmt, havingClause), AT(SelectStmt, windowClause), AT(SelectStmt, valuesLists),
      AT(SelectStmt, sortClause), AT(SelectStmt, limitOffset), AT(SelectStmt, limitCount),
      AT(SelectStmt, lockingClause), AT(SelectStmt, larg), AT(SelectStmt, rarg)}},
    {T_SortBy, {AT(SortBy, node)}},
    {T_StatsElem, {AT(StatsElem, expr)}},
    {T_String, {}},
    {T_SubLink, {AT(SubLink, testexpr), AT(SubLink, subselect)}},
    {T_TableLikeClause, {AT(TableLikeClause, relation)}},
    {T_TypeCast, {AT(TypeCast, arg), AT(TypeCast, typeName)}},
    {T_UpdateStmt,
     {AT(UpdateStmt, targetList), AT(UpdateStmt, whereClause), AT(UpdateStmt, fromClause),
      AT(UpdateStmt, returningList)}},
    {T_VacuumRelation, {AT(VacuumRelation, relation)}},
    {T_WindowDef,
     {AT(WindowDef, partitionClause), AT(WindowDef, orderClause), AT(WindowDef, startOffset),
      AT(WindowDef, endOffset)}},
    {T_XmlExpr, {AT(XmlExpr, named_args), AT(XmlExpr, args)}},
    {T_XmlSerialize, {AT(XmlSerialize, expr), AT(XmlSerialize, typeName)}},
    // Statements that say what they do by these children alone.
    {T_AlterObjectSchemaStmt, {AT(AlterObjectSchemaStmt, relation)}},
    {T_AlterOwnerStmt, {AT(AlterOwnerStmt, relation)}},
    {T_AlterPolicyStmt, {AT(AlterPolicyStmt, table)}},
    {T_AlterSeqStmt, {AT(AlterSeqStmt, sequence)}},
    {T_AlterTableStmt, {AT(AlterTableStmt, relation), AT(AlterTableStmt, cmds)}},
    {T_ClusterStmt, {AT(ClusterStmt, relation)}},
    {T_CreateDomainStmt, {AT(CreateDomainStmt, typeName)}},
    {T_CreatePolicyStmt, {AT(CreatePolicyStmt, table)}},
    {T_CreateSeqStmt, {AT(CreateSeqStmt, sequence)}},
    {T_CreateStatsStmt, {AT(CreateStatsStmt, relations)}},
    {T_CreateTrigStmt, {AT(CreateTrigStmt, relation), AT(CreateTrigStmt, constrrel)}},
    {T_CreateStmt,
     {AT(CreateStmt, relation), AT(CreateStmt, tableElts), AT(CreateStmt, inhRelations),
      AT(CreateStmt, partbound), AT(CreateStmt, partspec), AT(CreateStmt, ofTypename),
      AT(CreateStmt, constraints)}},
    {T_CreateForeignTableStmt,
     {AT(CreateStmt, relation), AT(CreateStmt, tableElts), AT(CreateStmt, inhRelations),
      AT(CreateStmt, partbound), AT(CreateStmt, partspec), AT(CreateStmt, constraints)}},
    {T_ExecuteStmt, {AT(ExecuteStmt, params)}},
    {T_IndexStmt,
     {AT(IndexStmt, relation), AT(IndexStmt, indexParams), AT(IndexStmt, indexIncludingParams),
      AT(IndexStmt, whereClause)}},
    {T_LockStmt, {AT(LockStmt, relations)}},
    {T_RefreshMatViewStmt, {AT(RefreshMatViewStmt, relation)}},
    {T_ReindexStmt, {AT(ReindexStmt, relation)}},
    {T_RenameStmt, {AT(RenameStmt, relation)}},
    {T_RuleStmt, {AT(RuleStmt, relation)}},
    {T_TruncateStmt, {AT(TruncateStmt, relations)}},
    {T_VacuumStmt, {AT(VacuumStmt, rels)}},
    {T_ViewStmt, {AT(ViewStmt, view)}},
};
#undef AT

constexpr std::size_t tags = 1024;

/// 1 + the row of a tag; 0: none.
constexpr auto places = [] {
  std::array<std::uint8_t, tags> table{};
  std::uint8_t place = 0;
  for (const Row& row : rows) table[row.tag] = ++place;
  return table;
}();

}  // namespace

const Children* children(NodeTag tag) {
  const auto number = static_cast<std::size_t>(tag);
  if (number >= tags || places[number] == 0) return nullptr;
  return &rows[places[number] - 1].children;
}

}  // namespace heim::sql
