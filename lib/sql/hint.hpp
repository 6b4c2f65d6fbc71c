// What a comment asks of the route and the cache: /*+ route=standby freshness=any cache=60s */.
//
// Read from the text of each query, whatever is known of its normal form, which has no comments.
// For a text that has none that is a look at its first word.
#pragma once
#include <string_view>

namespace heim::sql {

/// Views into the text; empty where nothing is said. Their values are not checked here.
struct Hint {
  std::string_view route;
  std::string_view freshness;
  std::string_view cache;
};

/// The first comment of the text, if it begins with a plus and stands before the first word or
/// right behind it. Words that are not ours are for others (pg_hint_plan). Allocates nothing.
Hint find_hint(std::string_view text);

}  // namespace heim::sql
