// set_config(name, value, local) with parameters: which of a statement they are, and another value
// for one of them.
#pragma once
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"

namespace heim::session {

/// A call whose value is a parameter. Parameters count from 1.
struct SetConfig {
  std::size_t name_parameter = 0;  // 0: `name` is written in the text
  std::string name;
  std::size_t value_parameter = 0;
};

/// The calls in a text whose arguments are parameters, or literals without a quote or a backslash
/// within them; a cast may follow each.
std::vector<SetConfig> set_configs(std::string_view sql);

/// The body of a Bind message in which each value that is NULL is the setting's default instead.
/// Nothing if none is, or if the message is wrong. `find`: the default; null if it has none.
std::optional<std::string> with_defaults(
    Bytes bind, const std::vector<SetConfig>& calls,
    const std::function<const std::string*(std::string_view name)>& find);

}  // namespace heim::session
