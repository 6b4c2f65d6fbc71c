// The files a configuration names, read: secrets, HBA rules, certificates.
#pragma once
#include "base/result.hpp"
#include "io/tls_context.hpp"
#include "session/shared.hpp"

namespace heim::runtime {

/// One version of everything a worker needs of the configuration.
struct Rules {
  session::RulesRef session;
  io::TlsContext::Ptr client_tls;  // null: clients get no TLS
  io::TlsContext::Ptr server_tls;
};

/// Reads all but the certificates; see load_rules().
Result<session::RulesRef> load_session_rules(const config::Settings& settings,
                                             const std::string& process_key,
                                             const session::Rules* before);

/// Reads them all; the error names the file. `before`: derived secrets are taken over where they
/// are the same.
Result<Rules> load_rules(const config::Settings& settings, const std::string& process_key,
                         const session::Rules* before);

}  // namespace heim::runtime
