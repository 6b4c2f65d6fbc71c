#include "auth/identity.hpp"

namespace heim::auth {

bool certificate_names(const TlsInfo& tls, std::string_view user) {
  return !tls.peer_common_name.empty() && tls.peer_common_name == user;
}

bool peer_is(std::string_view peer_user, std::string_view user) {
  return !peer_user.empty() && peer_user == user;
}

}  // namespace heim::auth
