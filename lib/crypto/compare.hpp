// Comparing and combining secrets without telling them by the time it takes.
#pragma once
#include <string_view>

#include "crypto/hash.hpp"

namespace heim::crypto {

/// True if both are the same bytes. The time depends on the lengths only.
bool equal(std::string_view a, std::string_view b);
Digest exclusive_or(const Digest& a, const Digest& b);

}  // namespace heim::crypto
