// All statements but queries: the table, and what their rows need.
#include "sql/reader.hpp"

namespace heim::sql {

namespace {

using namespace effect;  // of what is not a handler's name, too

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& byte : out) byte = byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte | 0x20) : byte;
  return out;
}

bool is_relation(ObjectType type) {
  switch (type) {
    case OBJECT_TABLE:
    case OBJECT_VIEW:
    case OBJECT_MATVIEW:
    case OBJECT_SEQUENCE:
    case OBJECT_INDEX:
    case OBJECT_FOREIGN_TABLE:
      return true;
    default:
      return false;
  }
}

/// As PostgreSQL reads the value of an option that is a switch: nothing at all means yes.
bool switched_on(const DefElem* option) {
  if (option->arg == nullptr) return true;
  if (tag_of(option->arg) == T_Integer) return as<Integer>(option->arg)->ival != 0;
  const std::string text = lower(string_of(option->arg));
  return text != "false" && text != "off";
}

}  // namespace

const Reader::Row Reader::rows[] = {
    {T_SelectStmt, Kind::read, 0, &Reader::node},
    {T_InsertStmt, Kind::write, 0, &Reader::node},
    {T_UpdateStmt, Kind::write, 0, &Reader::node},
    {T_DeleteStmt, Kind::write, 0, &Reader::node},
    {T_MergeStmt, Kind::write, 0, &Reader::node},
    {T_TransactionStmt, Kind::begin, effect::transaction, &Reader::transaction},
    {T_VariableSetStmt, Kind::set, 0, &Reader::set},
    {T_VariableShowStmt, Kind::show, 0, &Reader::nothing},
    {T_ConstraintsSetStmt, Kind::set, local, &Reader::nothing},
    {T_DiscardStmt, Kind::discard, 0, &Reader::discard},
    {T_PrepareStmt, Kind::prepare, prepares, &Reader::prepare},
    {T_ExecuteStmt, Kind::execute, effect::executes, &Reader::execute},
    {T_DeallocateStmt, Kind::deallocate, deallocates, &Reader::deallocate},
    {T_ListenStmt, Kind::listen, listens, &Reader::listen},
    {T_UnlistenStmt, Kind::unlisten, unlistens, &Reader::unlisten},
    {T_NotifyStmt, Kind::notify, notifies, &Reader::notify},
    {T_DeclareCursorStmt, Kind::declare, 0, &Reader::declare},
    {T_FetchStmt, Kind::fetch, 0, &Reader::fetch},
    {T_ClosePortalStmt, Kind::close, lets_go, &Reader::close},
    {T_LockStmt, Kind::lock, locks, &Reader::reading},
    {T_ExplainStmt, Kind::explain, 0, &Reader::explain},
    {T_CallStmt, Kind::call, suspicious, &Reader::call},
    {T_DoStmt, Kind::block, suspicious, &Reader::nothing},
    {T_LoadStmt, Kind::load, loads | own_server, &Reader::nothing},
    {T_CopyStmt, Kind::other, 0, &Reader::copy},
    {T_TruncateStmt, Kind::write, 0, &Reader::truncate},
    {T_RefreshMatViewStmt, Kind::write, 0, &Reader::changing},
    // What tends the data and leaves its meaning alone.
    {T_VacuumStmt, Kind::maintenance, 0, &Reader::reading},
    {T_ReindexStmt, Kind::maintenance, 0, &Reader::reading},
    {T_ClusterStmt, Kind::maintenance, 0, &Reader::reading},
    {T_CheckPointStmt, Kind::maintenance, 0, &Reader::nothing},
    // Relations and what belongs to them.
    {T_CreateStmt, Kind::ddl, changes_catalog, &Reader::changing},
    {T_CreateForeignTableStmt, Kind::ddl, changes_catalog, &Reader::changing},
    {T_CreateTableAsStmt, Kind::ddl, changes_catalog, &Reader::create_as},
    {T_ViewStmt, Kind::ddl, changes_catalog, &Reader::changing},
    {T_CreateSeqStmt, Kind::ddl, changes_catalog, &Reader::changing},
    {T_AlterSeqStmt, Kind::ddl, changes_catalog | advances_sequence, &Reader::changing},
    {T_AlterTableStmt, Kind::ddl, changes_catalog, &Reader::changing},
    {T_IndexStmt, Kind::ddl, changes_catalog, &Reader::changing},
    {T_RenameStmt, Kind::ddl, changes_catalog, &Reader::changing},
    {T_RuleStmt, Kind::ddl, changes_catalog, &Reader::changing},
    {T_CreateTrigStmt, Kind::ddl, changes_catalog, &Reader::changing},
    {T_CreatePolicyStmt, Kind::ddl, changes_catalog, &Reader::changing},
    {T_AlterPolicyStmt, Kind::ddl, changes_catalog, &Reader::changing},
    {T_CreateStatsStmt, Kind::ddl, changes_catalog, &Reader::changing},
    {T_AlterObjectSchemaStmt, Kind::ddl, changes_catalog, &Reader::changing},
    {T_AlterOwnerStmt, Kind::ddl, changes_catalog, &Reader::changing},
    {T_CreateDomainStmt, Kind::ddl, changes_catalog, &Reader::changing},
    {T_DropStmt, Kind::ddl, changes_catalog | lets_go, &Reader::drop},
    {T_CreateSchemaStmt, Kind::ddl, changes_catalog, &Reader::create_schema},
    {T_GrantStmt, Kind::ddl, changes_catalog, &Reader::grant},
    {T_CommentStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    // The others name no relation that a query could read.
    {T_AlterCollationStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_AlterDatabaseRefreshCollStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_AlterDatabaseSetStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_AlterDatabaseStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_AlterDefaultPrivilegesStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_AlterDomainStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_AlterEnumStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_AlterEventTrigStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_AlterExtensionContentsStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_AlterExtensionStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_AlterFdwStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_AlterForeignServerStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_AlterFunctionStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_AlterObjectDependsStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_AlterOpFamilyStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_AlterOperatorStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_AlterPublicationStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_AlterRoleSetStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_AlterRoleStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_AlterStatsStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_AlterSubscriptionStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_AlterSystemStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_AlterTSConfigurationStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_AlterTSDictionaryStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_AlterTableMoveAllStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_AlterTableSpaceOptionsStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_AlterTypeStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_AlterUserMappingStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_CompositeTypeStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_CreateAmStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_CreateCastStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_CreateConversionStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_CreateEnumStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_CreateEventTrigStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_CreateExtensionStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_CreateFdwStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_CreateForeignServerStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_CreateFunctionStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_CreateOpClassStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_CreateOpFamilyStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_CreatePLangStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_CreatePublicationStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_CreateRangeStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_CreateRoleStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_CreateSubscriptionStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_CreateTableSpaceStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_CreateTransformStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_CreateUserMappingStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_CreatedbStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_DefineStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_DropOwnedStmt, Kind::ddl, changes_catalog | lets_go, &Reader::nothing},
    {T_DropRoleStmt, Kind::ddl, changes_catalog | lets_go, &Reader::nothing},
    {T_DropSubscriptionStmt, Kind::ddl, changes_catalog | lets_go, &Reader::nothing},
    {T_DropTableSpaceStmt, Kind::ddl, changes_catalog | lets_go, &Reader::nothing},
    {T_DropUserMappingStmt, Kind::ddl, changes_catalog | lets_go, &Reader::nothing},
    {T_DropdbStmt, Kind::ddl, changes_catalog | lets_go, &Reader::nothing},
    {T_GrantRoleStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_ImportForeignSchemaStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_ReassignOwnedStmt, Kind::ddl, changes_catalog, &Reader::nothing},
    {T_SecLabelStmt, Kind::ddl, changes_catalog, &Reader::nothing},
};

const Reader::Row* Reader::row(NodeTag tag) {
  const Row* found = std::ranges::find(rows, tag, &Row::tag);
  return found == std::end(rows) ? nullptr : found;
}

void Reader::reading(const Node* node) { below(node); }

void Reader::changing(const Node* node) {
  writing_ = true;
  below(node);
  writing_ = false;
}

void Reader::truncate(const Node* node) {
  out_.traits |= trait::truncates;
  changing(node);
}

void Reader::transaction(const Node* node) {
  constexpr Kind kinds[] = {Kind::begin,     Kind::begin,    Kind::commit,      Kind::rollback,
                            Kind::savepoint, Kind::release,  Kind::rollback_to, Kind::two_phase,
                            Kind::two_phase, Kind::two_phase};
  static_assert(TRANS_STMT_BEGIN == 0 && TRANS_STMT_ROLLBACK_PREPARED + 1 == std::size(kinds));
  const auto* transaction = as<TransactionStmt>(node);
  out_.kind = kinds[transaction->kind];
  out_.name = view(transaction->savepoint_name);
  out_.chain = transaction->chain;
  for (const ListCell& cell : Elements(transaction->options)) {
    const auto* option = as<DefElem>(element(cell));
    const std::string_view name = view(option->defname);
    if (option->arg == nullptr || tag_of(option->arg) != T_A_Const) continue;
    const auto& value = as<A_Const>(option->arg)->val;
    if (name == "transaction_read_only") {
      (value.ival.ival != 0 ? out_.read_only : out_.read_write) = true;
    } else if (name == "transaction_isolation") {
      out_.serializable |= string_of(&value.node) == "serializable";
      out_.repeatable_read |= string_of(&value.node) == "repeatable read";
    }
  }
}

void Reader::setting(std::string_view name, bool until_end) {
  const std::string folded = lower(name);
  const bool acts_as = folded == "role" || folded == "session_authorization";
  if (folded == "seed") return effects(seeds);
  // These end with the transaction, however they are set.
  const bool of_transaction = folded == "transaction_isolation" ||
                              folded == "transaction_read_only" ||
                              folded == "transaction_deferrable";
  if (until_end || of_transaction) {
    return effects(effect::local | (acts_as ? effect::local_role : 0));
  }
  // Once it has used them, a process keeps its number of these.
  if (folded == "temp_buffers") effects(effect::own_server);
  effects(effect::settings | (acts_as ? effect::role : 0));
  // Of one that nobody declared, the first to write it says how it reads.
  out_.settings.push_back(folded.find('.') == std::string::npos ? folded : std::string(name));
}

/// Whether it does one thing where others have used the server before, and another where not.
bool Reader::tells_servers_apart(const VariableSetStmt* set) {
  const std::string name = lower(view(set->name));
  if (name == "search_path") {
    const Elements values(set->args);
    return values.size() > 0 && string_constant(values[0]) == "pg_temp";
  }
  // Once the library is loaded, with the first function, no other names are taken.
  constexpr std::string_view declared[] = {"plpgsql.check_asserts", "plpgsql.extra_errors",
                                           "plpgsql.extra_warnings", "plpgsql.print_strict_params",
                                           "plpgsql.variable_conflict"};
  return name.starts_with("plpgsql.") && !std::ranges::binary_search(declared, name);
}

void Reader::set(const Node* node) {
  const auto* set = as<VariableSetStmt>(node);
  if (set->is_local) out_.name = lower(view(set->name));
  switch (set->kind) {
    case VAR_RESET_ALL:
      return effects(all_settings | resets);
    case VAR_SET_MULTI:
      return set_several(set);
    case VAR_SET_DEFAULT:
    case VAR_RESET:
      effects(resets);
      return setting(view(set->name), set->is_local);
    default:
      if (tells_servers_apart(set)) effects(own_server);
      return setting(view(set->name), set->is_local);
  }
}

/// SET TRANSACTION, SET SESSION CHARACTERISTICS AS TRANSACTION.
void Reader::set_several(const VariableSetStmt* set) {
  if (view(set->name) != "SESSION CHARACTERISTICS") return effects(local);
  for (const ListCell& cell : Elements(set->args)) {
    setting("default_" + std::string(view(as<DefElem>(element(cell))->defname)), false);
  }
}

void Reader::discard(const Node* node) {
  switch (as<DiscardStmt>(node)->target) {
    case DISCARD_ALL:
      return effects(all_settings | role | deallocates | unlistens | discards | lets_go |
                     advisory_lock | resets);
    case DISCARD_PLANS:
      return effects(discards);
    default:
      return effects(lets_go);
  }
}

/// Its query runs with EXECUTE: see parse_prepared().
void Reader::prepare(const Node* node) { out_.name = view(as<PrepareStmt>(node)->name); }

void Reader::execute(const Node* node) {
  effects(effect::executes);
  out_.name = view(as<ExecuteStmt>(node)->name);
  out_.executes.push_back(out_.name);
  below(node);
}

void Reader::deallocate(const Node* node) { out_.name = view(as<DeallocateStmt>(node)->name); }
void Reader::listen(const Node* node) { out_.name = view(as<ListenStmt>(node)->conditionname); }
void Reader::unlisten(const Node* node) { out_.name = view(as<UnlistenStmt>(node)->conditionname); }
void Reader::notify(const Node* node) { out_.name = view(as<NotifyStmt>(node)->conditionname); }
void Reader::fetch(const Node* node) { out_.name = view(as<FetchStmt>(node)->portalname); }
void Reader::close(const Node* node) { out_.name = view(as<ClosePortalStmt>(node)->portalname); }

/// What it reads is read by FETCH; by then nobody knows of what, so it counts here.
void Reader::declare(const Node* node) {
  const auto* declare = as<DeclareCursorStmt>(node);
  out_.name = view(declare->portalname);
  if (declare->options & CURSOR_OPT_HOLD) effects(hold);
  this->node(declare->query);
}

void Reader::copy(const Node* node) {
  const auto* copy = as<CopyStmt>(node);
  if (copy->filename != nullptr || copy->is_program) effects(is_volatile);
  if (copy->is_from) {
    out_.kind = copy->filename ? Kind::write : Kind::copy_in;
    effects(advances_sequence);
    target(copy->relation);
  } else {
    out_.kind = copy->filename ? Kind::other : Kind::copy_out;
    this->node(plain(copy->relation));
  }
  this->node(copy->query);
  this->node(copy->whereClause);
}

void Reader::explain(const Node* node) {
  const auto* explain = as<ExplainStmt>(node);
  bool runs = false;
  for (const ListCell& cell : Elements(explain->options)) {
    const auto* option = as<DefElem>(element(cell));
    if (view(option->defname) == "analyze") runs = switched_on(option);
  }
  ++depth_;
  statement(explain->query);
  --depth_;
  if (out_.kind == Kind::declare) {  // only its query is explained: there will be no cursor
    out_.kind = Kind::read;
    out_.name.clear();
    out_.effects &= ~hold;
  }
  if (!runs) return planned_only();
  if (out_.kind == Kind::read) out_.kind = Kind::explain;
}

/// EXPLAIN without ANALYZE. What it would have changed it reads, as far as that is there.
void Reader::planned_only() {
  out_.effects &= effect::executes | suspicious;
  out_.settings.clear();
  if (out_.kind != Kind::ddl) {
    out_.reads.insert(out_.reads.end(), out_.writes.begin(), out_.writes.end());
  }
  out_.writes.clear();
  out_.traits &= trait::distance;
  out_.kind = Kind::explain;
}

void Reader::call(const Node* node) { this->node(plain(as<CallStmt>(node)->funccall)); }

void Reader::create_as(const Node* node) {
  const auto* create = as<CreateTableAsStmt>(node);
  into(plain(create->into));
  if (create->query && tag_of(create->query) == T_ExecuteStmt) return execute(create->query);
  this->node(create->query);
}

void Reader::create_schema(const Node* node) {
  for (const ListCell& cell : Elements(as<CreateSchemaStmt>(node)->schemaElts)) {
    ++depth_;
    statement(element(cell));
    --depth_;
  }
  out_.kind = Kind::ddl;
}

void Reader::drop(const Node* node) {
  const auto* drop = as<DropStmt>(node);
  if (!is_relation(drop->removeType)) return;
  for (const ListCell& cell : Elements(drop->objects)) {
    const Elements parts(as<List>(element(cell)));
    const std::size_t size = parts.size();
    if (size == 0) continue;
    add(out_.writes, size > 1 ? string_of(parts[size - 2]) : "", string_of(parts[size - 1]));
  }
}

void Reader::grant(const Node* node) {
  const auto* grant = as<GrantStmt>(node);
  if (grant->targtype != ACL_TARGET_OBJECT || !is_relation(grant->objtype)) return;
  writing_ = true;
  list(grant->objects);
  writing_ = false;
}

}  // namespace heim::sql
