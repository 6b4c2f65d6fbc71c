#include "io/look_up.hpp"

#include <netdb.h>
#include <sys/socket.h>
#include <uv.h>

#include <memory>
#include <system_error>

#include "io/loop.hpp"

namespace heim::io {

// libuv's request: lives until libuv calls back, also when the LookUp has gone.
struct LookUp::Request {
  uv_getaddrinfo_t uv;
  LookUp* owner;
  std::string host;
  Done done;

  static void on_done(uv_getaddrinfo_t* request, int status, addrinfo* found);
};

void LookUp::Request::on_done(uv_getaddrinfo_t* request, int status, addrinfo* found) {
  std::unique_ptr<Request> self(static_cast<Request*>(request->data));
  std::unique_ptr<addrinfo, decltype(&uv_freeaddrinfo)> list(found, uv_freeaddrinfo);
  if (!self->owner) return;
  self->owner->request_ = nullptr;
  std::vector<std::string> addresses;
  for (const addrinfo* each = found; each; each = each->ai_next) {
    char text[NI_MAXHOST];
    if (::getnameinfo(each->ai_addr, each->ai_addrlen, text, sizeof text, nullptr, 0,
                      NI_NUMERICHOST) == 0) {
      addresses.emplace_back(text);
    }
  }
  std::string error;
  if (addresses.empty()) {
    error = "could not translate host name \"" + self->host +
            "\" to address: " + (status != 0 ? uv_strerror(status) : "none was found");
  }
  self->done(std::move(addresses), error);
}

LookUp::LookUp(Loop& loop, const std::string& host, Done done)
    : request_(new Request{{}, this, host, std::move(done)}) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  request_->uv.data = request_;
  const int status =
      uv_getaddrinfo(loop.raw(), &request_->uv, Request::on_done, host.c_str(), nullptr, &hints);
  if (status == 0) return;
  delete request_;
  throw std::system_error(-status, std::generic_category(), "cannot look up a host name");
}

LookUp::~LookUp() {
  if (!request_) return;
  request_->owner = nullptr;
  uv_cancel(reinterpret_cast<uv_req_t*>(&request_->uv));
}

}  // namespace heim::io
