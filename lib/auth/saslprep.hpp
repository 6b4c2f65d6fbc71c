// How PostgreSQL prepares a password before SCRAM hashes it: RFC 4013, and the raw bytes where that
// fails.
#pragma once
#include <string_view>

#include "base/secret.hpp"

namespace heim::auth {

/// Pure ASCII (control characters too) stays as it is, and so does what is not UTF-8, or holds
/// characters that SASLprep prohibits: as in PostgreSQL. Without libidn every password stays as it
/// is; that is right for text in normal form (NFKC), which is what keyboards give.
Secret saslprep(std::string_view password);

/// True if this build has the tables.
bool has_saslprep();

}  // namespace heim::auth
