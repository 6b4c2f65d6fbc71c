// What a heim_session holds.
#pragma once
#include "capi/proxy.hpp"
#include "embed/session.hpp"

struct heim_notice {
  heim::Bytes body;
};

struct heim_session {
  heim_session(heim::runtime::Engine& engine, heim::embed::Options options)
      : session(engine, std::move(options)) {}

  heim::embed::Session session;
  std::string explained;  // lent
};

namespace heim::capi {

/// Throws INVALID_ARGUMENT for null.
embed::Session& session_of(heim_session* session);

inline const heim_result* lend(embed::Result* result) {
  return reinterpret_cast<const heim_result*>(result);
}
inline const embed::Result& result_of(const heim_result* result) {
  return *reinterpret_cast<const embed::Result*>(result);
}

/// The field of an ErrorResponse's or NoticeResponse's body, where it lies; null if it has none.
const char* error_field(Bytes body, char letter);

/// For a call that takes nanoseconds from now.
embed::Patience patience_of(std::uint64_t timeout_ns);

}  // namespace heim::capi
