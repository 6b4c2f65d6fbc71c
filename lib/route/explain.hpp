// A decision told to a person: SHOW ROUTE FOR.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "route/decide.hpp"

namespace heim::route {

/// What is told, and how it is.
struct Explained {
  std::string what, value;
};

/// The node and the reason first. `decision` was made of the others just now.
std::vector<Explained> explain(const Ask& ask, const Decision& decision, const World& world,
                               Instant now);

/// "16/B374D848" and back; nothing if it is no position.
std::string lsn_text(std::uint64_t lsn);
std::optional<std::uint64_t> parse_lsn(std::string_view text);

}  // namespace heim::route
