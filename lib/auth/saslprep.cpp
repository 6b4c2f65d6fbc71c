#include "auth/saslprep.hpp"

#include <algorithm>

#ifdef HEIM_LIBIDN
#include <stringprep.h>

#include <cstdlib>
#include <cstring>
#include <string>
#endif

namespace heim::auth {
#ifdef HEIM_LIBIDN
namespace {

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace

Secret saslprep(std::string_view password) {
  if (is_ascii(password) || password.find('\0') != std::string_view::npos) return Secret(password);
  std::string input(password);
  char* output = nullptr;
  const int rc = stringprep_profile(input.c_str(), &output, "SASLprep", STRINGPREP_NO_UNASSIGNED);
  wipe(input.data(), input.size());
  if (rc != STRINGPREP_OK || !output) return Secret(password);
  const std::size_t size = std::strlen(output);
  Secret prepared = size ? Secret({output, size}) : Secret(password);
  wipe(output, size);
  std::free(output);
  return prepared;
}

bool has_saslprep() { return true; }
#else
Secret saslprep(std::string_view password) { return Secret(password); }

bool has_saslprep() { return false; }
#endif

}  // namespace heim::auth
