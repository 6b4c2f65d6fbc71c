#include "runtime/redis_access.hpp"

#include <utility>

#include "config/address.hpp"

namespace heim::runtime {

redis::Access redis_access(const config::CacheRedis& given, const std::string& name) {
  redis::Access access;
  for (const std::string& server : given.servers) {
    const auto address = config::parse_address(server, 0);
    access.servers.push_back({address->host, address->port});
  }
  access.master = given.sentinel;
  access.sentinel_user = given.sentinel_user;
  access.sentinel_password = given.sentinel_password;
  access.user = given.user;
  access.password = given.password;
  access.database = given.database;
  access.tls = given.tls;
  access.name = name;
  access.patience = given.timeout;
  return access;
}

Result<void> set_redis_tls(const config::CacheRedis& given, io::SocketTransport& transport) {
  if (given.tls == SslMode::disable) return {};
  io::TlsOptions options;
  options.mode = given.tls;
  options.ca_file = given.tls_ca_file;
  options.cert_file = given.tls_cert_file;
  options.key_file = given.tls_key_file;
  auto context = io::TlsContext::client(options);
  if (!context) return Error{"F0000", "cache.redis: " + context.error().message, {}, {}};
  transport.set_tls(nullptr, std::move(*context));
  return {};
}

}  // namespace heim::runtime
