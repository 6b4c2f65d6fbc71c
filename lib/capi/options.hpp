// Structs that grow at their end: what a caller gave, as this version knows it.
#pragma once
#include <cstring>
#include <string>

#include "capi/guard.hpp"

namespace heim::capi {

/// `defaults` with what `given` has of it. `least`: what the first version had. Throws
/// INVALID_ARGUMENT where that is less, or more than this version knows and not all zeros.
template <class Options>
Options options_of(const Options* given, const Options& defaults, std::size_t least,
                   const char* what) {
  if (!given) return defaults;
  const std::size_t size = given->struct_size;
  if (size < least) {
    throw Failure(HEIM_INVALID_ARGUMENT,
                  "'" + std::string(what) + "' has no struct_size: use the INIT macro");
  }
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  for (std::size_t at = sizeof defaults; at < size; ++at) {
    if (bytes[at] == 0) continue;
    throw Failure(HEIM_INVALID_ARGUMENT,
                  "'" + std::string(what) + "' asks for what this version does not know");
  }
  Options options = defaults;
  std::memcpy(&options, given, size < sizeof options ? size : sizeof options);
  return options;
}

/// Throws INVALID_ARGUMENT where the caller's struct does not say how large it is.
template <class Struct>
void require_size(const Struct* to, const char* what) {
  require(to, what);
  if (to->struct_size < sizeof to->struct_size) {
    throw Failure(HEIM_INVALID_ARGUMENT, "'" + std::string(what) + "' has no struct_size");
  }
}

/// For the caller's struct: as much of it as it has room for.
template <class Struct>
void put_struct(Struct* to, Struct from, const char* what) {
  require_size(to, what);
  const std::uint32_t size = to->struct_size;
  from.struct_size = size;
  std::memcpy(to, &from, size < sizeof from ? size : sizeof from);
}

}  // namespace heim::capi
