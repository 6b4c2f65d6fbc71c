// Built without libmicrohttpd.
#include "admin/http.hpp"

namespace heim::admin {

struct HttpServer::Daemon {};
HttpServer::HttpServer(std::unique_ptr<Daemon> daemon) : daemon_(std::move(daemon)) {}
HttpServer::~HttpServer() = default;
std::uint16_t HttpServer::port() const { return 0; }

Result<std::unique_ptr<HttpServer>> HttpServer::start(const std::string&, std::uint16_t, Handler) {
  return Error{"0A000", "admin_address: this build has no HTTP (feature admin_http)", {}, {}};
}

}  // namespace heim::admin
