// Reads one statement's parse tree into a Statement. For parse.cpp and its neighbours alone.
#pragma once
#include "sql/tree.hpp"

namespace heim::sql {

class Reader {
 public:
  /// Deeper trees are not read to their end. Set by what a stack of 8 MiB stands in a sanitizer
  /// build.
  static constexpr int depth_limit = 5'000;

  /// Nothing if the tree is too deep.
  static std::optional<Statement> read(const Node* statement);

 private:
  using Handler = void (Reader::*)(const Node*);
  struct Row {  // of the table of statements
    NodeTag tag;
    Kind kind;
    Effects effects;
    Handler read;
  };
  static const Row rows[];
  static const Row* row(NodeTag tag);

  // reader.cpp: the walk
  void statement(const Node* node);
  void node(const Node* node);
  void dispatch(const Node* node);
  void below(const Node* node);  // its children
  void list(const List* list);
  void relation(const Node* node);
  void add(std::vector<Name>& to, std::string_view schema, std::string_view name);
  void effects(Effects more) { out_.effects |= more; }
  Statement finish();

  // reader_query.cpp: queries and expressions
  void select(const Node* node);
  void insert(const Node* node);
  void update(const Node* node);
  void remove(const Node* node);
  void merge(const Node* node);
  void into(const Node* node);
  void with(const WithClause* clause);
  void target(const RangeVar* relation);
  bool is_cte(const RangeVar* relation) const;
  void function(const Node* node);
  void column(const Node* node);
  void indirection(const Node* node);
  void set_config(const FuncCall* call);
  void operation(const Node* node);
  void type(const Node* node);

  // reader_statement.cpp: the others
  void transaction(const Node* node);
  void set(const Node* node);
  static bool tells_servers_apart(const VariableSetStmt* set);
  void set_several(const VariableSetStmt* set);
  void setting(std::string_view name, bool until_end);
  void discard(const Node* node);
  void prepare(const Node* node);
  void execute(const Node* node);
  void deallocate(const Node* node);
  void listen(const Node* node);
  void unlisten(const Node* node);
  void notify(const Node* node);
  void declare(const Node* node);
  void fetch(const Node* node);
  void close(const Node* node);
  void copy(const Node* node);
  void explain(const Node* node);
  void planned_only();
  void call(const Node* node);
  void reading(const Node* node);   // relations named are read
  void changing(const Node* node);  // relations named are written
  void truncate(const Node* node);
  void create_as(const Node* node);
  void create_schema(const Node* node);
  void drop(const Node* node);
  void grant(const Node* node);
  void nothing(const Node*) {}

  Statement out_;
  std::vector<std::string_view> ctes_;  // in scope
  bool writing_ = false;                // a relation that is met is written
  bool wrote_ = false;                  // an INSERT or the like was met
  bool too_deep_ = false;
  int depth_ = 0;
};

}  // namespace heim::sql
