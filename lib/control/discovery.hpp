// Nodes that the cluster tells about itself.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "cluster/topology.hpp"
#include "control/queries.hpp"

namespace heim::control {

struct Found {
  std::string name;  // empty: its host and port
  std::string host;
  std::uint16_t port = 5432;
  cluster::Role role = cluster::Role::unknown;
};

/// The address of a standby, by a template such as "{client_addr}:5432": pg_stat_replication knows
/// where a standby comes from, not where it listens. {application_name} and {client_hostname} are
/// known, too. None if a part is missing or what comes out is no address.
std::optional<Found> found_by_sender(const Sender& sender, std::string_view pattern);

/// The members that run, from the body of Patroni's GET /cluster.
Result<std::vector<Found>> found_by_patroni(std::string_view json);

}  // namespace heim::control
