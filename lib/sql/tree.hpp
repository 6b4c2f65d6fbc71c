// PostgreSQL's own parse tree, as libpg_query leaves it. The only place that includes the server's
// headers: their macros clash with much, so this comes last in a list of includes.
//
// The tree is read in place: the layouts are those of the server's headers of the same major
// version. Nothing here allocates from PostgreSQL's memory contexts, whose variables libpg_query
// has per thread and these headers have not.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sql/statement.hpp"

extern "C" {
#include <postgres.h>
// After postgres.h.
#include <nodes/parsenodes.h>
#include <pg_query.h>
#include <pg_query/pg_query_internal.h>
}
static_assert(PG_VERSION_NUM / 10000 == 15, "the server's headers and libpg_query must agree");

namespace heim::sql {

/// The offsets of a node's children, pointers to nodes or lists; 0 ends them.
using Children = std::array<std::uint16_t, 18>;

/// Null if the tag is not one that a raw tree can have inside a statement.
const Children* children(NodeTag tag);

inline const Node* child(const Node* node, std::uint16_t offset) {
  const Node* value;
  __builtin_memcpy(&value, reinterpret_cast<const char*>(node) + offset, sizeof value);
  return value;
}

template <class T>
const T* as(const Node* node) {
  return reinterpret_cast<const T*>(node);
}
template <class T>
const Node* plain(const T* node) {
  return reinterpret_cast<const Node*>(node);
}
inline NodeTag tag_of(const Node* node) { return node->type; }

/// The elements of a list, which may be null.
class Elements {
 public:
  explicit Elements(const List* list) : list_(list) {}
  const ListCell* begin() const { return list_ ? list_->elements : nullptr; }
  const ListCell* end() const { return list_ ? list_->elements + list_->length : nullptr; }
  std::size_t size() const { return list_ ? static_cast<std::size_t>(list_->length) : 0; }
  const Node* operator[](std::size_t index) const {
    return static_cast<const Node*>(list_->elements[index].ptr_value);
  }

 private:
  const List* list_;
};
inline const Node* element(const ListCell& cell) {
  return static_cast<const Node*>(cell.ptr_value);
}

inline std::string_view view(const char* text) { return text ? std::string_view(text) : ""; }
/// Of a String node; empty for any other.
inline std::string_view string_of(const Node* node) {
  return node && tag_of(node) == T_String ? view(as<String>(node)->sval) : "";
}
/// Of a literal, with a cast or without; empty if it is none.
inline std::string_view string_constant(const Node* node) {
  if (node && tag_of(node) == T_TypeCast) node = as<TypeCast>(node)->arg;
  if (!node || tag_of(node) != T_A_Const || as<A_Const>(node)->isnull) return "";
  return string_of(&as<A_Const>(node)->val.node);
}

}  // namespace heim::sql
