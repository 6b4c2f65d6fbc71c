#include "sql/parse.hpp"

#include "sql/reader.hpp"

namespace heim::sql {

namespace {

/// The tree of a text, and the memory it lies in. libpg_query makes a pthread key in each thread
/// that calls it and never gives it back (of some 1,000 a process has): call it from few threads
/// that live long. pg_query_exit() would free twice at a thread's end.
class Tree {
 public:
  explicit Tree(const std::string& sql)
      : memory_(pg_query_enter_memory_context()), result_(pg_query_raw_parse(sql.c_str())) {}
  ~Tree() {
    if (result_.error) pg_query_free_error(result_.error);
    std::free(result_.stderr_buffer);
    pg_query_exit_memory_context(memory_);
  }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  bool good() const { return result_.error == nullptr; }
  Elements statements() const { return Elements(result_.tree); }

 private:
  MemoryContext memory_;
  PgQueryInternalParsetreeAndError result_;
};

const RawStmt* raw(const ListCell& cell) { return as<RawStmt>(element(cell)); }

}  // namespace

std::optional<std::vector<Statement>> parse(const std::string& text) {
  const Tree tree(text);
  if (!tree.good()) return std::nullopt;
  std::vector<Statement> statements;
  statements.reserve(tree.statements().size());
  for (const ListCell& cell : tree.statements()) {
    std::optional<Statement> statement = Reader::read(raw(cell)->stmt);
    if (!statement) return std::nullopt;
    statements.push_back(std::move(*statement));
  }
  return statements;
}

std::optional<std::vector<Statement>> parse_prepared(const std::string& text) {
  const Tree tree(text);
  if (!tree.good() || tree.statements().size() != 1) return std::nullopt;
  const Node* only = raw(*tree.statements().begin())->stmt;
  if (tag_of(only) != T_PrepareStmt) return std::nullopt;
  std::optional<Statement> statement = Reader::read(as<PrepareStmt>(only)->query);
  if (!statement) return std::nullopt;
  return std::vector<Statement>{std::move(*statement)};
}

std::optional<std::pair<std::size_t, std::size_t>> find_prepare(const std::string& text,
                                                                std::string_view name) {
  const Tree tree(text);
  if (!tree.good()) return std::nullopt;
  std::optional<std::pair<std::size_t, std::size_t>> found;
  for (const ListCell& cell : tree.statements()) {
    const RawStmt* statement = raw(cell);
    if (tag_of(statement->stmt) != T_PrepareStmt) continue;
    if (view(as<PrepareStmt>(statement->stmt)->name) != name) continue;
    const auto begin = static_cast<std::size_t>(statement->stmt_location);
    const auto size = static_cast<std::size_t>(statement->stmt_len);
    found = {begin, size == 0 ? text.size() - begin : size};
  }
  return found;
}

}  // namespace heim::sql
