// OpenSSL's error queue as a sentence.
#pragma once
#include <string>

namespace heim::io {

/// Takes this thread's oldest queued error and clears the rest. Never empty.
std::string take_tls_error();

}  // namespace heim::io
