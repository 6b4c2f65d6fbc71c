// What `[cache]` says, as the cache has it.
#pragma once
#include "cache/cache.hpp"
#include "config/settings.hpp"

namespace heim::runtime {

inline cache::Cache::Limits limits_of(const config::Cache& cache) {
  return {.bytes = cache.size, .entry_bytes = cache.max_result_size, .ttl = cache.ttl};
}

}  // namespace heim::runtime
