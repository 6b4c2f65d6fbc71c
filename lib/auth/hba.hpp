// Who may come from where, and how they must prove who they are: pg_hba.conf, as far as PgBouncer
// has it.
//
//   local    DATABASE USER METHOD
//   host     DATABASE USER ADDRESS METHOD       also hostssl, hostnossl
//
// DATABASE and USER: names separated by commas; `all`; DATABASE also `sameuser` and `replication`.
// Quotes take a word's special meaning. ADDRESS: CIDR, or address and mask as two words, or `all`.
// METHOD: trust, reject, md5, password, scram-sha-256, cert, peer, relay. The first rule that
// matches decides; no rule: no access.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/address.hpp"
#include "auth/method.hpp"
#include "base/result.hpp"

namespace heim::auth {

enum class ConnKind : std::uint8_t { local, tcp, tls };  // `local` is a unix socket

struct HbaRequest {
  ConnKind kind = ConnKind::tcp;
  std::string_view database;
  std::string_view user;
  /// "192.0.2.1", "2001:db8::1", also with a port as Stream::peer_name() gives it. Unused for
  /// local.
  std::string_view address;
  bool replication =
      false;  // a physical replication connection matches the word `replication` only
};

/// Immutable once parsed; then [any thread].
class Hba {
 public:
  /// The error (F0000, config_file_error) names the line.
  static Result<Hba> parse(std::string_view text);
  /// nullopt: no rule matches, so no access.
  std::optional<Method> match(const HbaRequest& request) const;
  std::size_t size() const { return rules_.size(); }

  struct Names {
    bool all = false, same_user = false, replication = false;
    std::vector<std::string> names;
  };
  enum class RuleKind : std::uint8_t { local, host, hostssl, hostnossl };
  struct Rule {
    RuleKind kind = RuleKind::local;
    Names databases, users;
    bool any_address = false;
    Network network;
    Method method = Method::reject;
    std::size_t line = 0;
  };

 private:
  std::vector<Rule> rules_;
};

}  // namespace heim::auth
