#include "session/canceler.hpp"

#include "session/hub.hpp"
#include "session/pool.hpp"
#include "wire/encoder.hpp"
#include "wire/framer.hpp"

namespace heim::session {

Canceler::Canceler(Hub& hub, std::uint64_t id, const Server& server, Done done)
    : hub_(hub),
      id_(id),
      tls_(server.stream && server.stream->is_tls()),
      host_(hub.shared.nodes.node(server.pool->record.key.node).host),
      started_(hub.now()),
      done_(std::move(done)) {
  std::string body(4, '\0');
  store_be32(reinterpret_cast<std::uint8_t*>(body.data()), server.backend_pid);
  wire::startup(packet_, wire::cancel_request, body + server.backend_secret);
}

Canceler::~Canceler() {
  if (stream_) stream_->close();
}

void Canceler::start(const Target& target) { stream_ = hub_.transport.connect(target, *this); }

void Canceler::on_connected(Stream& stream) {
  // The key is as secret as the session it belongs to.
  if (!tls_) return send();
  std::string request;
  wire::startup(request, wire::ssl_request, {});
  const Bytes segment = as_bytes(request);
  stream.write({&segment, 1});
}

void Canceler::on_bytes(Stream& stream, Bytes bytes) {
  if (tls_ && !sent_ && bytes.size() == 1 && bytes[0] == 'S') {
    return stream.start_tls_client(host_, hub_.settings().server_tls.mode);
  }
  finish(true);
}

void Canceler::on_tls(Stream&, const TlsInfo&) { send(); }

void Canceler::send() {
  sent_ = true;
  const Bytes segment = as_bytes(packet_);
  stream_->write({&segment, 1});
}

void Canceler::on_end(Stream&, const StreamEnd&) { finish(true); }

void Canceler::expire(Instant now) {
  if (now - started_ > hub_.settings().timeouts.cancel_wait_timeout) finish(!sent_);
}

void Canceler::finish(bool in_time) {
  if (stream_) std::exchange(stream_, nullptr)->close();
  Done done = std::exchange(done_, nullptr);
  hub_.canceler_done(id_);
  if (done) done(in_time);
}

}  // namespace heim::session
