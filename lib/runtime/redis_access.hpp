// How connections to Redis are made, as [cache.redis] says.
#pragma once
#include <string>

#include "base/result.hpp"
#include "config/settings.hpp"
#include "io/socket_transport.hpp"
#include "redis/link.hpp"

namespace heim::runtime {

/// `name`: what CLIENT LIST calls the connection.
redis::Access redis_access(const config::CacheRedis& given, const std::string& name);
/// Whether the proxies share a store. Of writes past them it knows nothing.
inline bool has_store(const config::Settings& settings) {
  return settings.cache_redis.store && settings.cache.follow != config::Follow::wal;
}
/// Loads certificates, where TLS is wanted.
Result<void> set_redis_tls(const config::CacheRedis& given, io::SocketTransport& transport);

}  // namespace heim::runtime
