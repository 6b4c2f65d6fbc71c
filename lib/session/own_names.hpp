// Names that mean something on a client's server alone, and what their statements do that has to be
// seen to when they run.
#pragma once
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "session/set_config.hpp"
#include "sql/statement.hpp"

namespace heim::session {

struct OwnName {
  std::string name;
  sql::ScriptRef resets;  // null: it resets nothing
  SetConfigs calls;       // of set_config()

  bool is_plain() const { return !resets && calls.empty(); }
};

/// Those that are not plain.
class OwnNames {
 public:
  bool empty() const { return items_.empty(); }
  const OwnName* find(std::string_view name) const {
    const auto found = std::ranges::find(items_, name, &OwnName::name);
    return found == items_.end() ? nullptr : &*found;
  }
  /// What the name stood for; plain if there is nothing of it.
  OwnName put(OwnName now) {
    OwnName before{now.name, nullptr, {}};
    const auto found = std::ranges::find(items_, now.name, &OwnName::name);
    if (found != items_.end()) {
      before = std::move(*found);
      items_.erase(found);
    }
    if (now.is_plain()) return before;
    if (items_.size() >= limit) items_.erase(items_.begin());
    items_.push_back(std::move(now));
    return before;
  }

 private:
  static constexpr std::size_t limit = 64;
  std::vector<OwnName> items_;
};

}  // namespace heim::session
