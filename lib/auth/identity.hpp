// Methods that need no exchange: someone else has said who the peer is.
#pragma once
#include <string_view>

#include "base/stream.hpp"

namespace heim::auth {

/// `cert`: the common name of the verified client certificate is the user. False without a
/// certificate.
bool certificate_names(const TlsInfo& tls, std::string_view user);
/// `peer`: the system user at the other end of a unix socket (Stream::peer_user()) is the user.
bool peer_is(std::string_view peer_user, std::string_view user);

}  // namespace heim::auth
