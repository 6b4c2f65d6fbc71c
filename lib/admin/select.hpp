// The few SELECTs that drivers and tools send to any server they are connected to.
#pragma once
#include <span>

#include "admin/command.hpp"
#include "admin/tokens.hpp"

namespace heim::admin {

/// Answers what follows SELECT: literals, version(), current_database() and the like, with names.
/// Everything else is an error (0A000): the console has no tables and no expressions.
Result<Table> select_constants(std::span<const Token> words, const Identity& identity);

}  // namespace heim::admin
