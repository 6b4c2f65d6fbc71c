// PostgreSQL's own functions: which they are, and what calling them does.
#pragma once
#include <string_view>

#include "sql/statement.hpp"

namespace heim::sql {

struct Builtin {
  bool known = false;
  Effects effects = 0;
  Traits traits = 0;
};

/// By the name alone, as if pg_catalog were meant. Of several with one name the worst counts.
Builtin builtin(std::string_view name);

}  // namespace heim::sql
