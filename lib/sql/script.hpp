// A text and its normal form made a Script. For this folder.
#pragma once
#include <string_view>

#include "sql/analysis.hpp"
#include "sql/normal_form.hpp"
#include "sql/statement.hpp"

namespace heim::sql {

/// `form` is that of `text`.
ScriptRef make_script(std::string_view text, const NormalForm& form, ParserHost* host);

}  // namespace heim::sql
